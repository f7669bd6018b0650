// Mounts and their space: which mount a path is on, how full it is, where its files are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "health/probe/root.h"

namespace everstep::health {

struct Space {
  double total = 0, available = 0;          // bytes; what this user may use
  double inodes = 0, inodes_available = 0;  // 0 inodes: the file system does not count them
};
// May block as long as the file system does. A recorded tree has it in captured/statvfs: "PATH total available inodes
// available".
Result<Space> SpaceOf(const Root& root, const std::string& path);

struct Mount {
  std::string point{};
  std::string options{};  // "rw,relatime"
  std::string type{};     // "nfs4"
  std::string source{};   // "10.0.0.7:/export", "/dev/nvme1n1"
  std::string super{};    // "rw,vers=4.1,addr=10.0.0.7"
};
std::vector<Mount> ParseMounts(std::string_view mountinfo);
// The one that the path is on: the longest matching point, the last of several on one point.
const Mount* MountOf(const std::vector<Mount>& mounts, std::string_view path);

// local, parallel, volatile, remote-lan, remote-wan, remote (how far is not known) or unknown, and why. `rtt`: to the server.
struct Locality {
  std::string word{};
  std::string why{};
};
Locality LocalityOf(const Mount& mount, std::optional<double> rtt_seconds);
// The server of a remote mount: its address where the mount tells it, else its name. Empty: none is told.
std::string ServerOf(const Mount& mount);

}  // namespace everstep::health
