#include "proto/rpc/status.h"

#include "base/messages.h"
#include "base/text.h"
#include "proto/slot.h"

namespace everstep {

namespace {

constexpr char kHint[] = "everstep-hint-bin";

struct Row {
  ErrorCode ours;
  grpc::StatusCode wire;
  std::string_view words;
};
// One to one, so that a code comes back as it was.
constexpr Row kRows[] = {
    {ErrorCode::kInvalid, grpc::INVALID_ARGUMENT, "refused as invalid"},
    {ErrorCode::kNotFound, grpc::NOT_FOUND, "not found"},
    {ErrorCode::kConflict, grpc::FAILED_PRECONDITION, "refused in this state"},
    {ErrorCode::kUnavailable, grpc::UNAVAILABLE, "connection lost"},
    {ErrorCode::kExhausted, grpc::RESOURCE_EXHAUSTED, "over a limit"},
    {ErrorCode::kCorrupt, grpc::DATA_LOSS, "corrupt"},
    {ErrorCode::kTimeout, grpc::DEADLINE_EXCEEDED, "no answer in time"},
    {ErrorCode::kIo, grpc::INTERNAL, "failed"},
};

}  // namespace

grpc::Status ToStatus(const Error& error, grpc::CallbackServerContext& context) {
  context.AddTrailingMetadata(kHint, Clip(error.hint, limit::kWhyBytes));
  for (const Row& row : kRows)
    if (row.ours == error.code) return {row.wire, wire::AsUtf8(Clip(error.message, 4 * limit::kWhyBytes))};
  return {grpc::UNKNOWN, error.message};
}

std::optional<Error> SaidByServer(const grpc::Status& status, const grpc::ClientContext& context) {
  const auto& trailing = context.GetServerTrailingMetadata();
  const auto hint = trailing.find(kHint);
  if (hint == trailing.end()) return std::nullopt;
  for (const Row& row : kRows)
    if (row.wire == status.error_code())
      return Error{row.ours, status.error_message(), std::string(hint->second.data(), hint->second.size())};
  return std::nullopt;
}

std::string Words(const grpc::Status& status) {
  if (status.ok()) return "closed";
  std::string words = status.error_code() == grpc::CANCELLED ? "cancelled" : "failed";
  for (const Row& row : kRows)
    if (row.wire == status.error_code()) words = row.words;
  // gRPC tells all addresses and source lines; the kernel's word is at the end.
  constexpr std::string_view kKernel = "Failed to connect to remote host: ";
  if (const std::size_t at = status.error_message().rfind(kKernel); at != std::string::npos)
    return Cat("cannot connect: ", status.error_message().substr(at + kKernel.size()));
  return status.error_message().empty() ? words : Clip(Cat(words, ": ", status.error_message()), limit::kWhyBytes);
}

}  // namespace everstep
