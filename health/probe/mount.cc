#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/text.h"
#include "health/probe/file_system.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr int kNfsPort = 2049, kConnectMs = 1000;

// From connect() to its answer, a refusal too: one round trip. nullopt: it was not answered, or the name is not known.
std::optional<double> RoundTrip(const std::string& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;  // a look-up could hang: mounts tell the address
  addrinfo* found = nullptr;
  if (::getaddrinfo(server.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  sockaddr_storage address{};
  const socklen_t length = found->ai_addrlen;
  std::memcpy(&address, found->ai_addr, length);
  ::freeaddrinfo(found);
  if (address.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&address)->sin6_port = htons(kNfsPort);
  } else {
    reinterpret_cast<sockaddr_in*>(&address)->sin_port = htons(kNfsPort);
  }
  const Fd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.open()) return std::nullopt;
  RealClock clock;
  const Time begin = clock.Now();
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno != EINPROGRESS) return errno == ECONNREFUSED ? std::optional(Seconds(clock.Now() - begin)) : std::nullopt;
    pollfd one{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&one, 1, kConnectMs) <= 0) return std::nullopt;
  }
  return Seconds(clock.Now() - begin);
}

std::optional<double> Rtt(const Root& root, const Mount& mount) {
  const std::string server = ServerOf(mount);
  if (server.empty()) return std::nullopt;
  if (root.live()) return RoundTrip(server);
  const auto text = root.Number(Cat("/captured/rtt_us/", server));
  return text ? std::optional(*text / 1e6) : std::nullopt;
}

constexpr std::string_view kText = "everstep looks whether this can be written\n";
constexpr std::string_view kPrefix = ".everstep-check-";

// Writes, syncs and reads back a file of its own. Its name is taken away right after it is made: who is killed on a slow mount
// leaves nothing behind. `keeps_name`: removed at the end instead. When the file was written, by the clock of who keeps it.
Result<std::int64_t> WriteOnce(const std::string& file, bool keeps_name, Sink& sink, int& error) {
  const auto step = [&](const char* what) { sink.Waiting(Cat(what, '(', file, ')')); };
  const auto failed = [&](const char* doing, bool named) {
    error = errno;
    if (named) ::unlink(file.c_str());
    return FailErrno(error, doing, file);
  };
  step("open");
  const Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.open()) return failed("make", false);
  step("unlink");
  const bool named = keeps_name || ::unlink(file.c_str()) != 0;  // some let no open file be removed
  step("write");
  if (::write(fd.get(), kText.data(), kText.size()) != static_cast<ssize_t>(kText.size())) return failed("write", named);
  step("fsync");
  if (::fsync(fd.get()) != 0) return failed("sync", named);
  std::array<char, 64> read{};
  step("read");
  const ssize_t got = ::pread(fd.get(), read.data(), read.size(), 0);
  if (got < 0) return failed("read", named);
  struct stat is {};
  ::fstat(fd.get(), &is);
  step("unlink");
  if (named && ::unlink(file.c_str()) != 0) return failed("remove", false);
  if (std::string_view(read.data(), static_cast<std::size_t>(got)) != kText)
    return Fail(ErrorCode::kCorrupt, Cat(file, " does not read back as it was written"));
  return is.st_mtim.tv_sec;
}

// There are file systems, in user space mostly, on which a file ends with its name: there it keeps it.
Result<std::int64_t> WriteSomehow(const std::string& file, Sink& sink) {
  int error = 0;
  auto written = WriteOnce(file, false, sink, error);
  return written || (error != ESTALE && error != ENOENT && error != EBADF) ? written : WriteOnce(file, true, sink, error);
}

// What was left by who was killed between making and removing it, or by an earlier version. Only this user's own, no larger
// than what is written here, and older than any look may last; `now`: by the same clock. A directory of very many files is not
// gone through to its end.
void Sweep(const std::string& directory, std::int64_t now, Sink& sink) {
  constexpr int kEntriesMax = 1000;
  constexpr std::int64_t kOldSeconds = 3600;
  sink.Waiting(Cat("readdir(", directory, ')'));
  std::error_code error;
  std::filesystem::directory_iterator at(directory, error);
  for (int seen = 0; !error && at != std::filesystem::directory_iterator() && seen < kEntriesMax; at.increment(error), ++seen) {
    const std::string path = at->path().string();
    struct stat is {};
    if (!at->path().filename().string().starts_with(kPrefix) || ::lstat(path.c_str(), &is) != 0) continue;
    const bool old = S_ISREG(is.st_mode) && is.st_uid == ::geteuid() && is.st_size <= static_cast<off_t>(kText.size()) &&
                     is.st_mtim.tv_sec + kOldSeconds < now;
    if (old) ::unlink(path.c_str());
  }
}

void Written(const std::string& path, double seconds, const std::string& how, Sink& sink) {
  sink.Word("mount.writable", path, "yes", how);
  sink.Number("mount.write", path, seconds, how);
}

void Write(const Root& root, const std::string& path, const std::string& at, Sink& sink) {
  const auto unwritten = [&](const std::string& why) {
    for (const char* check : {"mount.writable", "mount.write"}) sink.Unread(check, path, why);
  };
  if (!root.live()) {
    const auto recorded = root.Number(Cat("/captured/write_us", path == "/" ? std::string("/root") : path));
    return recorded ? Written(path, *recorded / 1e6, "as recorded", sink) : unwritten("a recorded tree cannot be written to");
  }
  if (::access(at.c_str(), W_OK) != 0 && errno == EACCES) return unwritten(Cat("this user may not write to ", at));
  RealClock clock;
  const Time begin = clock.Now();
  const std::string file = Cat(at == "/" ? "" : at, '/', kPrefix, ::getpid(), '-',
                               Nanoseconds(begin));  // hosts of one disk may have the same pids
  const auto written = WriteSomehow(file, sink);
  if (!written) {
    sink.Word("mount.writable", path, "no", written.error().message);
    return sink.Moot("mount.write", path, "it could not be written");
  }
  Written(path, Seconds(clock.Now() - begin), Cat("write, fsync, read and unlink of ", file), sink);
  Sweep(at, *written, sink);
}

// A job may make the directory of its checkpoints itself: until then what counts is where it will be.
std::string NearestThere(const Root& root, const std::string& path, PathUse use, Sink& sink) {
  sink.Waiting(Cat("statvfs(", path, ')'));
  if (use != PathUse::checkpoint || !root.live() || SpaceOf(root, path)) return path;
  std::string at = path;
  while (at.size() > 1 && !root.Exists(at)) at.resize(std::max<std::size_t>(1, at.rfind('/')));
  return at;
}

// Asked of data too: a mount that hangs does so here.
void SpaceLeft(const Root& root, const std::string& path, const std::string& at, PathUse use, Sink& sink) {
  sink.Waiting(Cat("statvfs(", at, ')'));
  const auto space = SpaceOf(root, at);
  if (!space) {
    for (const char* check : {"mount.space", "mount.inodes"}) sink.Unread(check, path, space.error().message);
    return;
  }
  if (use == PathUse::data) {
    for (const char* check : {"mount.space", "mount.inodes"}) sink.Moot(check, path, "nothing is written beside training data");
    return;
  }
  if (space->total > 0) {
    sink.Number(
        "mount.space", path, space->available / space->total * 100,
        Cat("statvfs(", at, "): ", ShowNumber(space->available, Unit::bytes), " of ", ShowNumber(space->total, Unit::bytes)));
  } else {
    sink.Moot("mount.space", path, "the file system has no size");
  }
  if (space->inodes > 0) {
    sink.Number("mount.inodes", path, space->inodes_available / space->inodes * 100,
                Cat("statvfs(", at, "): ", ShowNumber(space->inodes_available, Unit::count), " of ",
                    ShowNumber(space->inodes, Unit::count)));
  } else {
    sink.Moot("mount.inodes", path, "the file system does not count inodes");
  }
}

// "ro" when the mount or the file system is.
std::string Mode(const Mount& mount) {
  const auto says = [](const std::string& options) {
    for (const std::string& option : Split(options, ','))
      if (option == "ro") return true;
    return false;
  };
  return says(mount.options) || says(mount.super) ? "ro" : "rw";
}

}  // namespace

void ProbeMount(const Root& root, const std::string& path, PathUse use, Sink& sink) {
  const auto text = root.Read("/proc/self/mountinfo");
  const std::vector<Mount> mounts = text ? ParseMounts(*text) : std::vector<Mount>();
  const Mount* mount = MountOf(mounts, path);
  if (!mount) {
    for (const char* check : {"mount.mode", "mount.space", "mount.inodes", "mount.writable", "mount.write", "mount.locality"})
      sink.Unread(check, path, text ? "/proc/self/mountinfo has no mount for it" : text.error().message);
    return;
  }
  const std::string said = Cat(mount->source, " on ", mount->point, " type ", mount->type, " (", mount->options, ')');
  if (use == PathUse::data) {
    sink.Moot("mount.mode", path, "training data may be mounted read-only");
  } else {
    sink.Word("mount.mode", path, Mode(*mount), said);
  }
  if (use != PathUse::plain) {
    const Locality where = LocalityOf(*mount, Rtt(root, *mount));
    sink.Word("mount.locality", path, where.word, where.why);
  } else {
    sink.Moot("mount.locality", path, "no training data or checkpoints are said to be there");
  }
  const std::string at = NearestThere(root, path, use, sink);
  SpaceLeft(root, path, at, use, sink);
  const char* why = use == PathUse::data ? "nothing is written beside training data" : "it is mounted read-only";
  if (use != PathUse::data && Mode(*mount) == "rw") return Write(root, path, at, sink);
  for (const char* check : {"mount.writable", "mount.write"}) sink.Moot(check, path, why);
}

}  // namespace everstep::health
