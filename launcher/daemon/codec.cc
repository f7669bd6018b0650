#include "launcher/daemon/codec.h"

#include "base/json/codec.h"

namespace everstep {

namespace {
// A snapshot holds up to 1000 ended jobs and 10,000 hosts; an entry at most one job with its command line.
constexpr JsonLimits kEntryLimits{.bytes_max = 64u << 20};
constexpr JsonLimits kStateLimits{.bytes_max = 1u << 30};
}  // namespace

std::string EncodeEntry(const Entry& entry) { return ToJson(entry); }
Result<Entry> DecodeEntry(std::string_view bytes) { return FromJson<Entry>(bytes, kEntryLimits); }

std::string EncodeState(const State& state) { return ToJson(state); }
Result<State> DecodeState(std::string_view bytes) { return FromJson<State>(bytes, kStateLimits); }

}  // namespace everstep
