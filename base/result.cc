#include "base/result.h"

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace everstep {

std::string_view NameOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return "invalid";
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kConflict: return "conflict";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kExhausted: return "exhausted";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kIo: return "i/o error";
  }
  return "unknown";
}

tl::unexpected<Error> FailErrno(int errno_value, std::string_view doing, std::string_view what) {
  ErrorCode code = ErrorCode::kIo;
  if (errno_value == ENOENT) code = ErrorCode::kNotFound;
  if (errno_value == ENOSPC || errno_value == EDQUOT || errno_value == ENOMEM || errno_value == EMFILE || errno_value == ENFILE)
    code = ErrorCode::kExhausted;
  char buffer[128];
  return Fail(code, Cat("cannot ", doing, " ", what, ": ", strerror_r(errno_value, buffer, sizeof buffer)));
}

}  // namespace everstep
