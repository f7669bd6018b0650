#include "health/probe/instance_metadata.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/text.h"

namespace everstep::health {

namespace {

constexpr std::size_t kAnswerMax = 16u << 10;
constexpr std::string_view kEnd = "\r\n";

Result<sockaddr_in> Ipv4(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : ParseUnsigned(address.substr(colon + 1));
  sockaddr_in there{};
  there.sin_family = AF_INET;
  if (!port || *port == 0 || *port > 65535 || ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &there.sin_addr) != 1)
    return Fail(ErrorCode::kInvalid,
                Cat("found the metadata address ", Printable(address), ", legal: IPv4 and port, such as ", kMetadataAddress));
  there.sin_port = htons(static_cast<std::uint16_t>(*port));
  return there;
}

// One connection with a deadline. Errors go on after "instance metadata at ADDRESS".
class MetadataCall {
 public:
  explicit MetadataCall(Time until) : until_(until) {}

  Result<std::string> Ask(const sockaddr_in& there, const std::string& request) {
    socket_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_.open()) return Broken(errno);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 && errno != EINPROGRESS)
      return Broken(errno);
    for (std::size_t sent = 0; sent < request.size();) {
      EVERSTEP_TRY(Wait(POLLOUT));
      const ssize_t wrote = ::send(socket_.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (wrote < 0 && errno != EAGAIN && errno != EINTR) return Broken(errno);
      if (wrote > 0) sent += static_cast<std::size_t>(wrote);
    }
    return Hear();
  }

 private:
  Result<std::string> Hear() {
    std::string answer;
    for (char buffer[4096]; answer.size() <= kAnswerMax;) {
      EVERSTEP_TRY(Wait(POLLIN));
      const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (got < 0 && errno != EAGAIN && errno != EINTR) return Broken(errno);
      if (got > 0) answer.append(buffer, static_cast<std::size_t>(got));
      EVERSTEP_ASSIGN(std::optional<std::string> body, HttpBody(answer, got == 0));
      if (body) return *std::move(body);
    }
    return Fail(ErrorCode::kInvalid, Cat("answered with more than ", kAnswerMax, " bytes"));
  }

  static tl::unexpected<Error> Broken(int error) {
    return Fail(ErrorCode::kUnavailable, Cat("cannot be reached: ", std::strerror(error)));
  }

  Status Wait(short events) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(until_ - RealClock().Now(), Duration()));
    pollfd one{.fd = socket_.get(), .events = events, .revents = 0};
    const bool ready = left.count() > 0 && ::poll(&one, 1, static_cast<int>(left.count())) > 0;
    return ready ? Status() : Fail(ErrorCode::kTimeout, "gave no whole answer in time");
  }

  Time until_;
  Fd socket_{};
};

// Lower-case letters, digits, points and dashes, with one point at least: "p5.48xlarge", "u-6tb1.metal".
bool IsInstanceType(std::string_view text) {
  constexpr std::string_view kLegal = "abcdefghijklmnopqrstuvwxyz0123456789.-";
  return text.size() < 64 && text.find('.') != std::string_view::npos &&
         text.find_first_not_of(kLegal) == std::string_view::npos;
}

// Token, then type. Errors go on after "instance metadata at ADDRESS".
Result<std::string> TypeFrom(const sockaddr_in& there, const std::string& host, Time until) {
  const std::string end = Cat("Host: ", host, kEnd, "Connection: close", kEnd, kEnd);
  EVERSTEP_ASSIGN(const std::string token,
                  MetadataCall(until).Ask(there, Cat("PUT /latest/api/token HTTP/1.1", kEnd, "Content-Length: 0", kEnd,
                                                     "X-aws-ec2-metadata-token-ttl-seconds: 60", kEnd, end)));
  // It goes into a header: whatever is no token must not.
  if (token.empty() || token.size() > 1024 ||
      std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c > '~'; }))
    return Fail(ErrorCode::kInvalid, "gave a token that is none");
  EVERSTEP_ASSIGN(const std::string body,
                  MetadataCall(until).Ask(there, Cat("GET /latest/meta-data/instance-type HTTP/1.1", kEnd,
                                                     "X-aws-ec2-metadata-token: ", token, kEnd, end)));
  const std::string type(Trim(body));
  if (!IsInstanceType(type))
    return Fail(ErrorCode::kInvalid, Cat("calls the instance \"", Clip(Printable(type), 60), "\", which is no instance type"));
  return type;
}

}  // namespace

Status CheckMetadataAddress(const std::string& address) {
  EVERSTEP_TRY(Ipv4(address));
  return {};
}

Result<std::optional<std::string>> HttpBody(std::string_view answer, bool ended) {
  const std::size_t head = answer.find("\r\n\r\n");
  const std::string_view first = answer.substr(0, answer.find(kEnd));
  const std::string_view kHttp = "HTTP/1.", begun = answer.substr(0, kHttp.size());
  const bool whole = head != std::string_view::npos;
  if (!kHttp.starts_with(begun) || (ended && !whole) || (whole && first.size() < 12))
    return Fail(ErrorCode::kInvalid, answer.empty() ? std::string("hung up without an answer")
                                                    : Cat("answered with no HTTP: \"", Clip(Printable(first), 60), '"'));
  if (!whole) return std::optional<std::string>();
  if (first.substr(9, 3) != "200") return Fail(ErrorCode::kUnavailable, Cat("answered ", Clip(Printable(first.substr(9)), 60)));
  const std::string_view body = answer.substr(head + 4);
  std::optional<std::uint64_t> length;
  for (const std::string& line : Split(answer.substr(0, head), '\n')) {
    std::string name = line.substr(0, line.find(':'));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (name == "content-length") length = ParseUnsigned(Trim(std::string_view(line).substr(name.size() + 1)));
  }
  if (length && body.size() >= *length) return std::optional<std::string>(body.substr(0, *length));
  if (ended && length) return Fail(ErrorCode::kInvalid, "hung up in the middle of its answer");
  return ended ? std::optional<std::string>(body) : std::nullopt;
}

bool IsEc2(const Root& root) {
  constexpr std::string_view kDmiFolder = "/sys/class/dmi/id/";
  const auto says = [&](const char* file) { return root.Read(Cat(kDmiFolder, file)).value_or(""); };
  // Nitro and bare metal, then Xen ("4.11.amazon").
  return says("sys_vendor") == "Amazon EC2" || says("bios_vendor") == "Amazon EC2" || says("bios_version").ends_with(".amazon");
}

Result<std::string> InstanceType(const std::string& address, Duration patience) {
  const Time until = RealClock().Now() + patience;
  EVERSTEP_ASSIGN(const sockaddr_in there, Ipv4(address));
  auto type = TypeFrom(there, address.substr(0, address.rfind(':')), until);
  if (!type) return Fail(type.error().code, Cat("instance metadata at ", address, ' ', type.error().message));
  return type;
}

}  // namespace everstep::health
