#include "launcher/rpc/api_checks.h"

#include "base/progress/line_patterns.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::uint32_t kRowsMax = 10'000;
constexpr std::size_t kReasonBytes = 200;

Status CheckName(std::string_view field, const std::string& name) {
  if (ValidName(name)) return {};
  return Fail(ErrorCode::kInvalid,
              Cat(field, ": found \"", Clip(Printable(name), 80), "\", legal: 1 to 63 of a-z, 0-9 and '-', not at either end"));
}
Status CheckNameOrNone(std::string_view field, const std::string& name) {
  return name.empty() ? Status() : CheckName(field, name);
}
Status AtMost(std::string_view field, std::size_t found, std::size_t legal) {
  if (found <= legal) return {};
  return Fail(ErrorCode::kInvalid, Cat(field, ": found ", found, ", legal: at most ", legal));
}

Status Check(const SubmitJob& submit) {
  EVERSTEP_TRY(AtMost("request_id", submit.request_id.size(), 128));
  EVERSTEP_TRY(ValidateJob(submit.spec));
  return submit.spec.progress.step ? CheckStepPattern(*submit.spec.progress.step) : Status();
}
Status Check(const CancelJob& cancel) {
  EVERSTEP_TRY(AtMost("by", cancel.by.size(), limit::kWhyBytes));
  return CheckName("job", cancel.job.value);
}
Status Check(const GetJob& get) { return CheckName("job", get.job.value); }
Status Check(const ListJobs& list) { return AtMost("rows_max", list.rows_max, kRowsMax); }
Status Check(const ExplainJob& explain) { return CheckName("job", explain.job.value); }
Status Check(const ListNodes& list) { return CheckNameOrNone("why_not", list.why_not.value); }
Status Check(const GetNode& get) { return CheckName("node", get.node.value); }
Status Check(const ConfirmDead& confirm) {
  EVERSTEP_TRY(AtMost("by", confirm.by.size(), limit::kWhyBytes));
  return CheckName("node", confirm.node.value);
}
Status Check(const DrainNode& drain) {
  EVERSTEP_TRY(AtMost("by", drain.by.size(), limit::kWhyBytes));
  EVERSTEP_TRY(AtMost("reason", drain.reason.size(), kReasonBytes));
  return CheckName("node", drain.node.value);
}
Status Check(const UndrainNode& undrain) {
  EVERSTEP_TRY(AtMost("by", undrain.by.size(), limit::kWhyBytes));
  return CheckName("node", undrain.node.value);
}
Status Check(const ClearNode& clear) {
  EVERSTEP_TRY(AtMost("by", clear.by.size(), limit::kWhyBytes));
  EVERSTEP_TRY(AtMost("note", clear.note.size(), kReasonBytes));
  EVERSTEP_TRY(AtMost("check", clear.check.size(), limit::kCheckBytes));
  return CheckName("node", clear.node.value);
}
Status Check(const InjectFault& inject) {
  EVERSTEP_TRY(AtMost("by", inject.by.size(), limit::kWhyBytes));
  return CheckName("job", inject.job.value);
}
Status Check(const KillLauncher& kill) { return AtMost("by", kill.by.size(), limit::kWhyBytes); }
Status Check(const ListIncidents& list) {
  EVERSTEP_TRY(CheckNameOrNone("job", list.job.value));
  EVERSTEP_TRY(CheckNameOrNone("node", list.node.value));
  return AtMost("rows_max", list.rows_max, kRowsMax);
}
Status Check(const ListEvents& list) {
  EVERSTEP_TRY(CheckNameOrNone("job", list.job.value));
  EVERSTEP_TRY(CheckNameOrNone("node", list.node.value));
  return AtMost("rows_max", list.rows_max, kRowsMax);
}
Status Check(const GetInfo&) { return {}; }

}  // namespace

Status Validate(const ApiRequest& request) {
  return std::visit([](const auto& r) { return Check(r); }, request);
}

Status Validate(const LogsRequest& request) {
  EVERSTEP_TRY(CheckName("job", request.job.value));
  EVERSTEP_TRY(AtMost("ranks", request.ranks.size(), limit::kHostsPerJob));
  if (request.generation == Generation(0)) return Fail(ErrorCode::kInvalid, "generation: found 0, legal: 1 and up");
  if (request.within && (request.since || *request.within < Duration(0)))
    return Fail(ErrorCode::kInvalid, Cat("within: found ", Show(*request.within), request.since ? " together with since" : "",
                                         ", legal: 0 and up, and not both"));
  if (request.follow && request.generation)
    return Fail(ErrorCode::kInvalid, "generation: found together with follow, legal: one of the two",
                "follow goes on from the current generation");
  return {};
}

}  // namespace everstep
