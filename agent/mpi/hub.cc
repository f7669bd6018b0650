// The first host: waits for the others, runs mpirun, and hands what it wants to run elsewhere to the processes there.
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>

#include <arpa/inet.h>

#include "agent/mpi/frames.h"
#include "agent/mpi/program.h"
#include "base/real/clock.h"
#include "base/text.h"

namespace everstep::mpi {

namespace {

constexpr Duration kNodesComeWithin = 60s;

struct Node {
  std::unique_ptr<Frames> link{};
  std::string address{};
};

Fd ListenOn(std::uint16_t port) {
  Fd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int off = 0, on = 1;
  ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(port);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 || ::listen(fd.get(), 128) != 0) return Fd();
  return fd;
}

// "10.0.0.7", also where it came as ::ffff:10.0.0.7.
std::string PeerOf(int fd) {
  sockaddr_in6 peer{};
  socklen_t size = sizeof peer;
  char text[INET6_ADDRSTRLEN] = {};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  ::inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text);
  const std::string address = text;
  return address.starts_with("::ffff:") ? address.substr(7) : address;
}

class Hub {
 public:
  Hub(const Place& place, std::uint32_t slots) : place_(place), slots_(slots) {}
  int Run(const std::vector<std::string>& program);

 private:
  bool Gather();
  bool OpenShellSocket();
  bool StartMpirun(const std::vector<std::string>& program);
  void Turn();
  void Accept();
  bool FromShell(Frames& shell);  // false: it is over
  void FromNode(std::uint32_t number);
  void OnSignal();

  const Place place_;
  const std::uint32_t slots_;
  std::map<std::uint32_t, Node> nodes_{};                    // all but the first host
  std::map<std::uint32_t, std::unique_ptr<Frames>> busy_{};  // the shell that waits for a node's command
  std::vector<std::unique_ptr<Frames>> shells_{};            // that have not said what they want
  Fd listener_{}, signals_{};
  std::string address_{};
  std::error_code ignored_{};
  pid_t mpirun_ = -1;
  bool told_ = false;  // to end
  std::string lost_{};
  RealClock clock_{};
};

// As many as there are hosts, each once.
bool Hub::Gather() {
  const Fd listener = ListenOn(place_.port);
  if (!listener.open()) return Told(Cat("port ", place_.port, " is not free"), false);
  const Time until = clock_.Now() + kNodesComeWithin;
  while (nodes_.size() + 1 < place_.nodes) {
    std::array<pollfd, 2> waits{{{listener.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
    const auto left = (until - clock_.Now()) / 1ms;
    if (left <= 0) return Told(Cat("of ", place_.nodes, " hosts ", nodes_.size() + 1, " have come within 60 s"), false);
    if (::poll(waits.data(), waits.size(), static_cast<int>(left)) <= 0) continue;
    if (waits[1].revents != 0) return Told("told to end before all hosts have come", false);
    Fd caller(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!caller.open()) continue;
    const std::string address = PeerOf(caller.get());
    auto link = std::make_unique<Frames>(std::move(caller));
    const auto hello = link->Await(2000);
    const auto number = hello && hello->front() == 'H' ? ParseUnsigned(hello->substr(1)) : std::nullopt;
    if (!number || *number == 0 || *number >= place_.nodes) continue;  // a stranger
    nodes_[static_cast<std::uint32_t>(*number)] = {.link = std::move(link), .address = address};
  }
  return true;
}

// An address that the kernel chooses and that is no file: whoever is killed leaves nothing behind. Who may call is asked in
// Accept.
bool Hub::OpenShellSocket() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  socklen_t size = sizeof address.sun_family;
  const bool bound = ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0;
  size = sizeof address;
  if (!bound || ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::listen(listener_.get(), 1024) != 0)
    return Told(Cat("cannot listen for mpirun: ", std::strerror(errno)), false);
  address_ = std::string(address.sun_path + 1, size - sizeof address.sun_family - 1);
  return true;
}

bool Hub::StartMpirun(const std::vector<std::string>& program) {
  std::vector<std::string> hosts{Cat(place_.master, ':', slots_)};
  for (const auto& [number, node] : nodes_) hosts.push_back(Cat(node.address, ':', slots_));
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", ignored_).string();
  std::vector<std::string> words{"mpirun",
                                 "--mca",
                                 "plm",
                                 "rsh",
                                 "--mca",
                                 "plm_rsh_agent",
                                 Cat(self, " --rsh ", address_),
                                 "--mca",
                                 "plm_rsh_no_tree_spawn",
                                 "1",
                                 "--host",
                                 Join(hosts, ","),
                                 "-np",
                                 std::to_string(slots_ * place_.nodes)};
  if (::geteuid() == 0) words.insert(words.begin() + 1, "--allow-run-as-root");
  const std::size_t name = words.size();
  words.insert(words.end(), program.begin(), program.end());
  if (words[name].starts_with("everstep-")) words[name] = (std::filesystem::path(self).parent_path() / words[name]).string();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  // In a group of its own: a second SIGTERM, the keeper's to the group beside this program's, ends mpirun before it has ended
  // its ranks.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  const int error = ::posix_spawnp(&mpirun_, "mpirun", nullptr, &attributes, argv.data(), place_.environment);
  posix_spawnattr_destroy(&attributes);
  return error == 0 || Told(Cat("cannot run mpirun: ", std::strerror(error), "; install openmpi-bin on every host"), false);
}

void Hub::Accept() {
  Fd caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ucred who{};
  socklen_t size = sizeof who;
  if (!caller.open() || ::getsockopt(caller.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return;
  if (who.uid == ::geteuid()) shells_.push_back(std::make_unique<Frames>(std::move(caller)));
}

// "RHOST\ncommand": of hosts that share an address, as in a cluster on one machine, mpirun asks for none.
bool Hub::FromShell(Frames& shell) {
  const bool there = shell.Read();
  const auto frame = shell.Next();
  if (!frame || frame->front() != 'R') return there;
  const std::size_t end = frame->find('\n');
  const std::string host = frame->substr(1, end - 1);
  for (auto& [number, node] : nodes_) {
    if (node.address != host || busy_.contains(number)) continue;
    if (!node.link->Send('R', frame->substr(end + 1))) break;
    for (auto& waiting : shells_)
      if (waiting.get() == &shell) busy_[number] = std::move(waiting);
    return true;
  }
  shell.Send('E', "255");
  return false;
}

void Hub::FromNode(std::uint32_t number) {
  Node& node = nodes_.at(number);
  const bool there = node.link->Read();
  while (const auto frame = node.link->Next()) {
    const auto shell = busy_.find(number);
    if (frame->front() != 'E' || shell == busy_.end()) continue;
    shell->second->Send('E', frame->substr(1));
    busy_.erase(shell);
  }
  if (there || !lost_.empty()) return;
  lost_ = Cat("node ", number, " (", node.address, ") has gone");
  Told(lost_, 1);
  if (!std::exchange(told_, true)) ::kill(mpirun_, SIGTERM);
}

void Hub::OnSignal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo == SIGCHLD || std::exchange(told_, true)) return;
  ::kill(mpirun_, SIGTERM);
}

void Hub::Turn() {
  std::vector<pollfd> waits{{signals_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
  std::vector<Frames*> shells;
  std::vector<std::uint32_t> numbers;
  for (const auto& shell : shells_) {
    waits.push_back({shell->fd(), POLLIN, 0});
    shells.push_back(shell.get());
  }
  for (const auto& [number, node] : nodes_) {
    waits.push_back({lost_.empty() ? node.link->fd() : -1, POLLIN, 0});
    numbers.push_back(number);
  }
  ::poll(waits.data(), waits.size(), 1000);
  if (waits[0].revents != 0) OnSignal();
  for (std::size_t i = 0; i < shells.size(); ++i)
    if (waits[2 + i].revents != 0 && !FromShell(*shells[i]))
      std::erase_if(shells_, [&](const auto& shell) { return shell.get() == shells[i]; });
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (waits[2 + shells.size() + i].revents != 0) FromNode(numbers[i]);
  if (waits[1].revents != 0) Accept();
  std::erase(shells_, nullptr);
}

int Hub::Run(const std::vector<std::string>& program) {
  sigset_t heard;
  ::sigemptyset(&heard);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&heard, number);
  ::sigprocmask(SIG_BLOCK, &heard, nullptr);
  signals_ = Fd(::signalfd(-1, &heard, SFD_CLOEXEC));
  if (!Gather() || !OpenShellSocket() || !StartMpirun(program)) return 1;
  int status = 0;
  while (::waitpid(mpirun_, &status, WNOHANG) == 0) Turn();
  const int code = !lost_.empty() ? 1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  for (auto& [number, node] : nodes_) node.link->Send('D', std::to_string(code));
  return code;
}

}  // namespace

int RunHub(const Place& place, std::uint32_t slots, const std::vector<std::string>& program) {
  return Hub(place, slots).Run(program);
}

}  // namespace everstep::mpi
