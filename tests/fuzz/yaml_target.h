// What must hold for any bytes that are read as a file which people write: job.yaml, launcher.yaml and agent.yaml alike.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace everstep {

// The first promise that these bytes break, in words; nullopt: none. Promises: nothing crashes or throws; an error has a place
// on each line, is safe to show and at most 64 KiB; a job that was read is written to a file that reads back as the same job.
std::optional<std::string> BrokenPromise(std::string_view bytes);

}  // namespace everstep
