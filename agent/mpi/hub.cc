// The first process of the first host: waits for the first of the others, runs mpirun, hands them what it wants to run on their
// hosts, and is the home of rank 0.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>

#include "agent/mpi/home.h"
#include "agent/mpi/process.h"
#include "agent/mpi/program.h"
#include "agent/mpi/signals.h"
#include "base/real/clock.h"
#include "base/text.h"

namespace everstep::mpi {

namespace {

constexpr Duration kNodesComeWithin = 60s;
// mpirun's code is the job's only where no rank's is: the home of a rank that failed has ended before mpirun has, and whoever
// hears of it stops this process.
constexpr Duration kStoppedWithin = 2s;

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
  Hub(const Place& place, const std::vector<std::string>& program) : place_(place), home_(place, program, true) {}
  int Run();

 private:
  bool Gather();
  void Greet(Fd caller);
  bool StartMpirun();
  void Turn();
  void Serve(Errand errand);
  void FromNode(std::uint32_t number);
  void EndMpirun();
  void AllOver(int code);
  int Epilogue(int code);

  const Place place_;
  const Signals signals_{};
  Home home_;
  std::map<std::uint32_t, Node> nodes_{};                    // all but the first host
  std::map<std::uint32_t, std::unique_ptr<Frames>> busy_{};  // the shell that waits for a node's command
  pid_t mpirun_ = 0;
  bool told_ = false;  // mpirun: to end
  std::string lost_{};
  RealClock clock_{};
};

// As many as there are hosts, each once.
bool Hub::Gather() {
  const Fd listener = ListenOn(place_.port);
  if (!listener.open()) return Told(Cat("port ", place_.port, " is not free"), false);
  const Time until = clock_.Now() + kNodesComeWithin;
  while (nodes_.size() + 1 < place_.nodes) {
    std::array<pollfd, 2> waits{{{listener.get(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}}};
    const auto left = (until - clock_.Now()) / 1ms;
    if (left <= 0) return Told(Cat("of ", place_.nodes, " hosts ", nodes_.size() + 1, " have come within 60 s"), false);
    if (::poll(waits.data(), waits.size(), static_cast<int>(left)) <= 0) continue;
    if (signals_.AsksToEnd(0)) return Told("told to end before all hosts have come", false);
    if (waits[0].revents != 0) Greet(Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  return true;
}

// A stranger is let go.
void Hub::Greet(Fd caller) {
  if (!caller.open()) return;
  const std::string address = PeerOf(caller.get());
  auto link = std::make_unique<Frames>(std::move(caller));
  const auto hello = link->Await(2000);
  const auto number = hello && hello->front() == 'H' ? ParseUnsigned(hello->substr(1)) : std::nullopt;
  if (!number || *number == 0 || *number >= place_.nodes) return;
  nodes_[static_cast<std::uint32_t>(*number)] = {.link = std::move(link), .address = address};
}

bool Hub::StartMpirun() {
  std::vector<std::string> hosts{Cat(place_.master, ':', place_.locals)};
  for (const auto& [number, node] : nodes_) hosts.push_back(Cat(node.address, ':', place_.locals));
  std::error_code ignored;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  const std::string shell = Cat(self, " --rsh ", place_.gang), ranks = std::to_string(place_.locals * place_.nodes);
  ProcessPlan plan{
      .argv = {"mpirun", "--mca", "plm", "rsh", "--mca", "plm_rsh_agent", shell, "--mca", "plm_rsh_no_tree_spawn", "1"},
      .environment = place_.environment,
      .on_parents_end = SIGTERM};
  if (::geteuid() == 0) plan.argv.push_back("--allow-run-as-root");
  plan.argv.insert(plan.argv.end(),
                   {"--rank-by", "slot", "--host", Join(hosts, ","), "-np", ranks, self, "--rank", place_.gang});
  // In a group of its own: a second SIGTERM, the keeper's to the group beside this program's, ends mpirun before it has ended
  // its ranks.
  const auto started = StartProcess(plan);
  if (!started) return Told(Cat(started.error().Str(), "; install openmpi-bin on every host"), false);
  mpirun_ = *started;
  return true;
}

// "RHOST\ncommand": of hosts that share an address, as in a cluster on one machine, mpirun asks for none.
void Hub::Serve(Errand errand) {
  const std::size_t end = errand.frame.find('\n');
  const std::string host = errand.frame.substr(1, end - 1);
  for (auto& [number, node] : nodes_) {
    if (node.address != host || busy_.contains(number)) continue;
    if (!node.link->Send('R', errand.frame.substr(end + 1))) break;
    busy_[number] = std::move(errand.caller);
    return;
  }
  errand.caller->Send('E', "255");
}

void Hub::FromNode(std::uint32_t number) {
  Node& node = nodes_.at(number);
  const bool there = node.link->Read();
  while (const auto frame = node.link->Next()) {
    const auto shell = busy_.find(number);
    if (frame->front() == 'E' && shell != busy_.end()) {
      shell->second->Send('E', frame->substr(1));
      busy_.erase(shell);
    } else if (frame->front() == 'F') {
      busy_.erase(number);
      nodes_.erase(number);
      return;
    }
  }
  if (there || !lost_.empty()) return;
  lost_ = Cat("node ", number, " (", node.address, ") has gone");
  Told(lost_, 1);
  EndMpirun();
}

void Hub::EndMpirun() {
  if (!std::exchange(told_, true)) ::kill(mpirun_, SIGTERM);
}

void Hub::Turn() {
  std::vector<pollfd> waits{{signals_.fd(), POLLIN, 0}};
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, node] : nodes_) {
    waits.push_back({lost_.empty() ? node.link->fd() : -1, POLLIN, 0});
    numbers.push_back(number);
  }
  home_.AddTo(waits);
  ::poll(waits.data(), waits.size(), 1000);
  while (const auto signal = signals_.Next()) home_.Heard(*signal);
  home_.Turn();
  for (Errand& errand : home_.TakeErrands()) Serve(std::move(errand));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (waits[1 + i].revents != 0) FromNode(numbers[i]);
  // All homes are asked at once, and their programs have their grace: mpirun's is a second. It is asked when there is no
  // program here, or no more, whose end it would see.
  if (home_.fate().asked && !home_.Runs()) EndMpirun();
}

void Hub::AllOver(int code) {
  home_.Over(code);
  for (auto& [number, node] : nodes_) node.link->Send('D', std::to_string(code));
  TellHomes(place_, code);
}

// mpirun has ended.
int Hub::Epilogue(int code) {
  AllOver(code);
  if (code == 0) return 0;
  for (const Time until = clock_.Now() + kStoppedWithin; home_.fate().asked || clock_.Now() < until;) {
    std::vector<pollfd> waits{{signals_.fd(), POLLIN, 0}};
    home_.AddTo(waits);
    ::poll(waits.data(), waits.size(), 100);
    while (const auto signal = signals_.Next()) home_.Heard(*signal);
    home_.Turn();
    if (const auto end = EndOf(home_.fate())) EndAs(*end);
  }
  return code;
}

int Hub::Run() {
  if (!home_.Open() || !Gather() || !StartMpirun()) return 1;
  int status = 0;
  while (::waitpid(mpirun_, &status, WNOHANG) == 0) {
    Turn();
    if (!Failed(home_.fate()) || told_) continue;
    // mpirun is told to end by this process's end, and ends what runs elsewhere.
    AllOver(home_.fate().ended->Code());
    EndAs(*home_.fate().ended);
  }
  return Epilogue(!lost_.empty() ? 1 : EndedBy(status).Code());
}

}  // namespace

int RunHub(const Place& place, const std::vector<std::string>& program) { return Hub(place, program).Run(); }

}  // namespace everstep::mpi
