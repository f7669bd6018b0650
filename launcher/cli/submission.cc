#include "launcher/cli/submission.h"

#include <sys/random.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "launcher/cli/cli.h"

namespace everstep {

namespace {

Result<std::string> RequestId() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return FailErrno(errno, "read", "random bytes");
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string id;
  for (const unsigned char byte : bytes) id += Cat(kHex[byte >> 4], kHex[byte & 15]);
  return id;
}

}  // namespace

Result<Submitted> Submit(ControlClient& client, const JobSpec& spec) {
  constexpr int kTries = 3;
  EVERSTEP_ASSIGN(const std::string id, RequestId());
  for (int tries = 1;; ++tries) {
    auto submitted = Ask<Submitted>(client, SubmitJob{.spec = spec, .request_id = id});
    const bool unheard = !submitted && (submitted.error().code == ErrorCode::kTimeout);
    if (!unheard || tries == kTries) return submitted;
  }
}

}  // namespace everstep
