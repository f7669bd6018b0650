#include <unistd.h>

#include <array>
#include <fstream>

#include "base/real/host.h"
#include "launcher/cli/cli.h"
#include "launcher/cli/local_cluster.h"

namespace everstep {

std::string LauncherAddress(const Cli& cli) {
  if (!cli.launcher.empty()) return cli.launcher;
  if (const auto directory = LocalDirectory(cli.environment())) {
    if (const auto address = LocalAddress(*directory)) return *address;
  }
  return ClientOptions{}.address;
}

Result<std::unique_ptr<ControlClient>> Connect(const Cli& cli, Duration deadline) {
  return ControlClient::Connect({.address = LauncherAddress(cli), .insecure = cli.insecure, .deadline = deadline});
}

std::string Requester() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const std::string user = CurrentUser().name;
  return Cat(user.empty() ? Cat("uid ", static_cast<std::uint64_t>(getuid())) : user, '@', std::string_view(host.data()));
}

}  // namespace everstep
