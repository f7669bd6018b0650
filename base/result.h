// Result<T>: a value, or an Error that a person can act on. Wrong input and failed I/O are Results; a broken invariant is a
// Check (base/check.h). Nothing in Everstep throws.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace everstep {

enum class ErrorCode {
  kInvalid,      // the caller's input is wrong; the same call will fail again
  kNotFound,     // no such job, host, file
  kConflict,     // the call was right but the state is not: stale epoch or generation, already finished, in use
  kUnavailable,  // cannot be reached now; the same call may work later
  kExhausted,    // a limit was met: disk, memory, size, queue
  kCorrupt,      // stored or received bytes fail their checks
  kTimeout,      // no answer before the deadline
  kIo,           // the system refused: message has the errno text
};

// "invalid", "not found", ...
std::string_view NameOf(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;  // what and where: one sentence without a full stop
  std::string hint;     // what to do next; empty: nothing useful to say

  // "message; hint"
  std::string Str() const { return hint.empty() ? message : message + "; " + hint; }
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// The error `errno_value` for "cannot <doing> <what>": kIo, or kNotFound, kExhausted where errno says so.
tl::unexpected<Error> FailErrno(int errno_value, std::string_view doing, std::string_view what);

}  // namespace everstep

// Returns the error of `expr` from the enclosing function, if it failed.
#define EVERSTEP_TRY(expr)                                                                                                   \
  do {                                                                                                                       \
    if (auto try_result_ = (expr); !try_result_) return ::tl::unexpected<::everstep::Error>(std::move(try_result_).error()); \
  } while (false)

#define EVERSTEP_CAT2(a, b) a##b
#define EVERSTEP_CAT(a, b) EVERSTEP_CAT2(a, b)
// EVERSTEP_ASSIGN(auto x, Call()): declares or assigns x, or returns the error.
#define EVERSTEP_ASSIGN(lhs, expr) EVERSTEP_ASSIGN_(lhs, expr, EVERSTEP_CAT(assign_result_, __LINE__))
#define EVERSTEP_ASSIGN_(lhs, expr, tmp)                                        \
  auto tmp = (expr);                                                            \
  if (!tmp) return ::tl::unexpected<::everstep::Error>(std::move(tmp).error()); \
  lhs = std::move(tmp).value()
