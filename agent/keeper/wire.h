// What agent and keeper say over the keeper's Unix socket: JSON lines. The first line each way is {"protocol":2}, for ever in
// this shape; then ToKeeper one way and FromKeeper the other, one a line.
//
// A line that is too long, not JSON or not in the contract is an error that names what was found; the connection ends then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/fields.h"
#include "base/result.h"
#include "base/seam/processes.h"

namespace everstep {

inline constexpr std::uint32_t kKeeperProtocol = 2;
// 1024 ranks with a full environment each, or with a full tail of stderr each.
inline constexpr std::size_t kKeeperLineBytes = 64u << 20;

struct KeeperHello {
  std::uint32_t protocol = 0;
};
EVERSTEP_FIELDS(KeeperHello, protocol)

// The last line a keeper sends to a client it does not want (any more).
struct KeeperRefused {
  static constexpr std::string_view kName = "refused";
  std::string why{};
};
EVERSTEP_FIELDS(KeeperRefused, why)

using FromKeeper = std::variant<KeeperStatus, KeeperRefused>;

// Lines without the newline.
std::string HelloLine();
std::string LineOf(const ToKeeper& message);
std::string LineOf(const FromKeeper& message);

// Good, or why this first line cannot be talked to: "the agent speaks protocol 7, this keeper speaks 1".
Status CheckHello(std::string_view line, std::string_view who, std::string_view we);
Result<ToKeeper> ParseToKeeper(std::string_view line);
Result<FromKeeper> ParseFromKeeper(std::string_view line);

// Shapes and limits of a start: ranks distinct, argv[0] absolute, NAME=value, no zero bytes, limit:: sizes.
Status ValidateStart(const KeeperStart& start);
Status ValidateStandby(const KeeperStandby& standby);

}  // namespace everstep
