#include "collectives/probe/reach_tester.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "collectives/meet/sockets.h"

namespace everstep {
namespace {

constexpr std::size_t kLarge = 256 << 10;
constexpr std::size_t kGreeting = 8;  // the rank of who connects

std::string Greeting(std::uint32_t rank) {
  const std::string digits = std::to_string(rank);
  return std::string(kGreeting - digits.size(), '0') + digits;
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

}  // namespace

ReachTester::ReachTester(const Company& company, Clock& clock)
    : company_(company), clock_(clock), wait_(std::min<Duration>(2s, company.timeout)) {
  if (Result<Fd> listener = ListenOn(0); listener) listener_ = *std::move(listener);
  datagrams_ = Fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  if (datagrams_.open()) (void)::bind(datagrams_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any);
}

Result<std::vector<ReachTester::Ports>> ReachTester::Tell() {
  EVERSTEP_ASSIGN(const std::vector<std::string> all,
                  company_.exchange(Cat(company_.address, " ", PortOf(listener_.get()), " ", PortOf(datagrams_.get()))));
  std::vector<Ports> ports;
  for (const std::string& one : all) {
    const std::vector<std::string> words = Split(one, ' ');
    if (words.size() != 3)
      return Fail(ErrorCode::kCorrupt, Cat(company_.Who(static_cast<std::uint32_t>(ports.size())), " sent no ports"));
    ports.push_back({.address = words[0],
                     .stream = static_cast<std::uint16_t>(ParseUnsigned(words[1]).value_or(0)),
                     .datagram = static_cast<std::uint16_t>(ParseUnsigned(words[2]).value_or(0))});
  }
  return ports;
}

Reach ReachTester::Connect(const Ports& to) {
  const Result<Fd> fd = ConnectNow(to.address, to.stream, clock_, clock_.Now() + wait_);
  if (!fd) return fd.error().code == ErrorCode::kTimeout ? Reach::no_answer : Reach::refused;
  if (!WriteAll(fd->get(), Greeting(company_.rank), clock_, clock_.Now() + wait_) ||
      !ReadExactly(fd->get(), 1, clock_, clock_.Now() + wait_))
    return Reach::small_lost;
  const Time deadline = clock_.Now() + wait_;
  if (!WriteAll(fd->get(), std::string(kLarge, 'x'), clock_, deadline) || !ReadExactly(fd->get(), 1, clock_, deadline))
    return Reach::large_lost;
  return Reach::works;
}

// Answers what is small and what is large with a byte each. Whoever comes too late, from an earlier test, is let go.
void ReachTester::Serve(std::uint32_t client) {
  const Time deadline = clock_.Now() + wait_ + wait_ / 4;
  while (listener_.open()) {
    const Result<Fd> fd = AcceptBefore(listener_.get(), clock_, deadline);
    if (!fd) return;
    const Result<std::string> greeting = ReadExactly(fd->get(), kGreeting, clock_, clock_.Now() + wait_);
    if (!greeting || *greeting != Greeting(client)) continue;
    if (!WriteAll(fd->get(), "s", clock_, deadline)) return;
    if (ReadExactly(fd->get(), kLarge, clock_, clock_.Now() + wait_)) (void)WriteAll(fd->get(), "l", clock_, deadline + wait_);
    return;
  }
}

void ReachTester::Shout(const Ports& to) {
  addrinfo hints{};
  hints.ai_family = AF_INET6;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_V4MAPPED | AI_NUMERICHOST;
  addrinfo* list = nullptr;
  if (::getaddrinfo(to.address.c_str(), std::to_string(to.datagram).c_str(), &hints, &list) != 0) return;
  const std::unique_ptr<addrinfo, FreeAddresses> owned(list);
  const std::string text = Greeting(company_.rank);
  for (std::uint32_t i = 0; i < kReachDatagrams; ++i)
    (void)::sendto(datagrams_.get(), text.data(), text.size(), 0, list->ai_addr, list->ai_addrlen);
}

std::uint32_t ReachTester::Heard(std::uint32_t from) {
  const std::string wanted = Greeting(from);
  const Time deadline = clock_.Now() + wait_ / 4;
  std::uint32_t heard = 0;
  while (heard < kReachDatagrams && Readable(datagrams_.get(), clock_, deadline)) {
    char text[kGreeting + 1];
    const ssize_t got = ::recv(datagrams_.get(), text, sizeof text, 0);
    if (got == static_cast<ssize_t>(kGreeting) && std::string_view(text, kGreeting) == wanted) ++heard;
  }
  return heard;
}

Result<std::vector<std::string>> ReachTester::Explain(const std::vector<HostPair>& pairs) {
  std::vector<std::string> sentences;
  EVERSTEP_ASSIGN(const std::vector<Ports> ports, Tell());
  for (const HostPair& pair : pairs) {
    OneWay ways[2];
    for (int back = 0; back < 2; ++back) {
      const std::uint32_t from = back == 0 ? pair.a : pair.b, to = back == 0 ? pair.b : pair.a;
      EVERSTEP_TRY(company_.Barrier());
      std::string own;
      if (company_.rank == from) {
        Shout(ports[to]);
        own = Name(Connect(ports[to]));
      }
      if (company_.rank == to) {
        Serve(from);
        own = std::to_string(Heard(from));
      }
      EVERSTEP_ASSIGN(const std::vector<std::string> all, company_.exchange(own));
      ways[back] = {.stream = EnumNamed<Reach>(all[from]).value_or(Reach::not_tried),
                    .datagrams = static_cast<std::uint32_t>(ParseUnsigned(all[to]).value_or(0))};
    }
    sentences.push_back(ReachText(company_.Who(pair.a), company_.Who(pair.b), ways[0], ways[1]));
  }
  return sentences;
}

}  // namespace everstep
