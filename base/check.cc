#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace everstep {

void CheckFailed(const char* what, std::source_location where) {
  std::fprintf(stderr, "everstep: broken invariant: %s (%s:%u)\n", what, where.file_name(), where.line());
  std::abort();
}

}  // namespace everstep
