#include "health/probe/dcgm_diag.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/json/reader.h"
#include "base/text.h"
#include "health/probe/program.h"

namespace everstep::health {

namespace {

constexpr const char* kDiag = "gpu.dcgm_diag";

const JsonValue* At(const JsonValue& value, std::string_view key) {
  const auto* object = std::get_if<JsonValue::Object>(&value.is);
  return object ? Find(*object, key) : nullptr;
}

const JsonValue::Array& ListAt(const JsonValue& value, std::string_view key) {
  static const JsonValue::Array kNone;
  const JsonValue* found = At(value, key);
  const auto* array = found ? std::get_if<JsonValue::Array>(&found->is) : nullptr;
  return array ? *array : kNone;
}

// Text, or a number as text: "entity_id": 0.
std::string TextAt(const JsonValue& value, std::string_view key) {
  const JsonValue* found = At(value, key);
  if (!found) return {};
  if (const auto* text = std::get_if<std::string>(&found->is)) return *text;
  if (const auto* number = std::get_if<std::uint64_t>(&found->is)) return Cat(*number);
  return {};
}

// "warnings": a text, a list of texts, or a list of {"warning": text}.
std::string Warnings(const JsonValue& result) {
  std::vector<std::string> texts;
  if (std::string one = TextAt(result, "warnings"); !one.empty()) texts.push_back(std::move(one));
  for (const JsonValue& one : ListAt(result, "warnings")) {
    const auto* text = std::get_if<std::string>(&one.is);
    texts.push_back(text ? *text : TextAt(one, "warning"));
  }
  return Clip(Printable(Join(texts, "; ")), 200);
}

// "GPU 0" for each GPU that a result is of; "": the host.
std::vector<std::string> Scopes(const JsonValue& result) {
  std::vector<std::string> scopes;
  const std::string ids = TextAt(result, "gpu_ids"), id = ids.empty() ? TextAt(result, "gpu_id") : ids;
  for (const std::string& one : Split(id, ','))
    if (!Trim(one).empty()) scopes.push_back(Cat("GPU ", Clip(Printable(Trim(one)), 20)));
  if (scopes.empty() && TextAt(result, "entity_group") == "GPU") scopes.push_back(Cat("GPU ", TextAt(result, "entity_id")));
  if (scopes.empty()) scopes.emplace_back();
  return scopes;
}

enum class Grade { skipped, pass, warn, fail };

Result<Grade> GradeOf(const JsonValue& result, const std::string& test) {
  std::string status = TextAt(result, "status");
  for (char& c : status) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (status == "pass") return Grade::pass;
  if (status == "warn") return Grade::warn;
  if (status == "fail") return Grade::fail;
  if (status.starts_with("skip") || status == "not run" || status == "notrun") return Grade::skipped;
  return Fail(ErrorCode::kInvalid, Cat("the test ", Clip(Printable(test), 60), " has the status \"",
                                       Clip(Printable(status), 30), "\", known are pass, warn, fail and skip"));
}

struct Outcome {
  Grade worst = Grade::pass;
  std::size_t tests = 0;
  std::vector<std::string> said{};  // what warned or failed
};

class Diagnosis {
 public:
  Status Take(const JsonValue& test) {
    const std::string name = Clip(Printable(TextAt(test, "name")), 60);
    bool bad = false;
    for (const JsonValue& result : ListAt(test, "results")) {
      EVERSTEP_ASSIGN(const Grade grade, GradeOf(result, name));
      for (const std::string& scope : Scopes(result)) Count(scope, grade, name, Warnings(result));
      bad = bad || grade > Grade::pass;
    }
    // Of version 4: counts where no single result says as much.
    const JsonValue* summary = At(test, "test_summary");
    if (!summary || bad) return {};
    EVERSTEP_ASSIGN(const Grade grade, GradeOf(*summary, name));
    if (grade > Grade::pass || ListAt(test, "results").empty()) Count("", grade, name, Warnings(*summary));
    return {};
  }

  Status Tell(Sink& sink) const {
    const std::string left_out = skipped_.empty() ? std::string() : Cat("; skipped: ", Clip(Join(skipped_), 150));
    if (outcomes_.empty()) return Fail(ErrorCode::kUnavailable, Cat("no test was made", left_out));
    for (const auto& [scope, outcome] : outcomes_) {
      const char* word = outcome.worst == Grade::fail ? "fail" : outcome.worst == Grade::warn ? "warn" : "pass";
      const std::string good = Cat(everstep::Count(outcome.tests, "test"), " passed", left_out);
      sink.Word(kDiag, scope, word, Cat("dcgmi diag: ", outcome.said.empty() ? good : Clip(Join(outcome.said, "; "), 300)));
    }
    return {};
  }

 private:
  void Count(const std::string& scope, Grade grade, const std::string& name, const std::string& warnings) {
    if (grade == Grade::skipped) {
      if (std::find(skipped_.begin(), skipped_.end(), name) == skipped_.end()) skipped_.push_back(name);
      return;
    }
    Outcome& outcome = outcomes_[scope];
    ++outcome.tests;
    outcome.worst = std::max(outcome.worst, grade);
    if (grade > Grade::pass)
      outcome.said.push_back(Cat(name, grade == Grade::fail ? " fails" : " warns", warnings.empty() ? "" : ": ", warnings));
  }

  std::map<std::string, Outcome> outcomes_{};
  std::vector<std::string> skipped_{};
};

}  // namespace

Duration DcgmPatience(unsigned level) {
  constexpr Duration kOf[] = {5min, 15min, std::chrono::hours(1), std::chrono::hours(4)};
  return kOf[std::clamp(level, 1u, 4u) - 1];
}

Status TellDcgmDiag(std::string_view text, Sink& sink) {
  // Lines of its own may stand before the JSON.
  const std::size_t begin = text.find('{'), end = text.rfind('}');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
    return Fail(ErrorCode::kInvalid, "no JSON");
  EVERSTEP_ASSIGN(const JsonValue whole, ParseJson(text.substr(begin, end - begin + 1)));
  const JsonValue* diag = At(whole, "DCGM Diagnostic");
  if (!diag) diag = At(whole, "DCGM GPU Diagnostic");
  if (!diag) return Fail(ErrorCode::kInvalid, "the JSON has no \"DCGM Diagnostic\"");
  for (const JsonValue* one : std::initializer_list<const JsonValue*>{&whole, diag})
    for (const char* key : {"runtime_error", "error"})
      if (const std::string error = TextAt(*one, key); !error.empty())
        return Fail(ErrorCode::kUnavailable, Cat("DCGM says: ", Clip(Printable(error), 200)));
  Diagnosis diagnosis;
  for (const JsonValue& category : ListAt(*diag, "test_categories"))
    for (const JsonValue& test : ListAt(category, "tests")) EVERSTEP_TRY(diagnosis.Take(test));
  return diagnosis.Tell(sink);
}

void ProbeDcgm(const DcgmAsked& asked, Sink& sink) {
  const std::string run = Cat(asked.what, " diag -j -r ", asked.level);
  sink.Waiting(run);
  const auto printed = PrintedBy(asked.what, {"diag", "-j", "-r", Cat(asked.level)}, asked.patience);
  if (!printed) return sink.Unread(kDiag, "", Cat(run, ' ', printed.error().message));
  const Status told = TellDcgmDiag(printed->out, sink);
  if (told) return;
  const bool said = told.error().code == ErrorCode::kUnavailable;
  sink.Unread(kDiag, "",
              Cat(run, said ? ": " : " ", said ? told.error().message : WhyNonsense(*printed, told.error().message)));
}

}  // namespace everstep::health
