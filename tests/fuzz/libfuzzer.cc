// The way in of libFuzzer.

#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "tests/fuzz/yaml_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto broken = everstep::BrokenPromise({reinterpret_cast<const char*>(data), size});
  everstep::Check(!broken, broken ? broken->c_str() : "");
  return 0;
}
