#include "health/core/rule.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace everstep::health {

namespace {

constexpr std::string_view kLegal =
    "<, >, == or != and a value of the check's unit, such as \"> 85\", \"< 16GiB\", \"!= tsc\", \"!= profile cpus\" or \"< 93% "
    "of "
    "profile memory\"";

std::string_view Sign(Comparison comparison) {
  switch (comparison) {
    case Comparison::below: return "<";
    case Comparison::above: return ">";
    case Comparison::is: return "==";
    case Comparison::is_not: break;
  }
  return "!=";
}

bool IsNumber(const Rule& rule) { return rule.words.empty() && rule.profile_key.empty(); }

tl::expected<Rule, std::string> OfProfile(Rule rule, std::string_view key, Unit unit) {
  rule.profile_key = std::string(Trim(key));
  const auto& keys = ProfileKeys();
  if (std::find(keys.begin(), keys.end(), rule.profile_key) == keys.end())
    return tl::unexpected(Cat("a profile has no `", rule.profile_key, "`: ", Join(keys)));
  if ((rule.profile_key == "accelerator") != (unit == Unit::word))
    return tl::unexpected(std::string("`accelerator` is a word, all other keys of a profile are numbers"));
  return rule;
}

}  // namespace

tl::expected<Rule, std::string> ParseRule(std::string_view text, Unit unit, NumberIn number) {
  Rule rule;
  text = Trim(text);
  std::size_t length = 2;
  if (text.starts_with("==")) {
    rule.comparison = Comparison::is;
  } else if (text.starts_with("!=")) {
    rule.comparison = Comparison::is_not;
  } else if ((text.starts_with('<') || text.starts_with('>')) && !text.substr(1).starts_with('=')) {
    rule.comparison = text.front() == '<' ? Comparison::below : Comparison::above;
    length = 1;
  } else {
    return tl::unexpected(std::string(kLegal));
  }
  const std::string_view rest = Trim(text.substr(length));
  if (rest.empty()) return tl::unexpected(std::string(kLegal));
  if (rest.starts_with("profile ")) return OfProfile(rule, rest.substr(8), unit);
  if (const std::size_t of = rest.find("% of profile "); of != std::string_view::npos) {
    const auto share = ParseUnsigned(Trim(rest.substr(0, of)));
    if (!share || *share == 0 || *share > 1000) return tl::unexpected(std::string("a whole percentage from 1 to 1000"));
    rule.share = static_cast<double>(*share) / 100;
    return OfProfile(rule, rest.substr(of + 13), unit);
  }
  if (unit == Unit::word) {
    if (rule.comparison == Comparison::below || rule.comparison == Comparison::above)
      return tl::unexpected(std::string("words are compared with == or !="));
    for (const std::string& word : Split(rest, '|')) rule.words.emplace_back(Trim(word));
    return rule;
  }
  auto value = number(rest, unit);
  if (!value) return tl::unexpected(std::move(value).error());
  rule.number = *value;
  return rule;
}

std::string ShowRule(const Rule& rule, Unit unit, const Profile* profile) {
  const std::string_view sign = Sign(rule.comparison);
  if (!rule.profile_key.empty()) {
    const std::string share = rule.share < 1 || rule.share > 1 ? Cat(std::lround(rule.share * 100), "% of ") : "";
    if (profile && rule.profile_key == "accelerator" && !profile->accelerator.empty())
      return Cat(sign, ' ', profile->accelerator, " (profile ", profile->name, ')');
    const auto number = profile ? profile->Number(rule.profile_key) : std::nullopt;
    return number ? Cat(sign, ' ', share, ShowNumber(*number, unit), " (profile ", profile->name, ')')
                  : Cat(sign, ' ', share, "profile ", rule.profile_key);
  }
  if (!rule.words.empty()) return Cat(sign, ' ', Join(rule.words, " | "));
  return Cat(sign, ' ', ShowNumber(rule.number, unit));
}

std::optional<bool> Breaks(const Rule& rule, const Reading& reading, const Profile& profile) {
  if (reading.word) {
    std::vector<std::string> words = rule.words;
    bool any = false;
    if (!rule.profile_key.empty()) {
      if (profile.accelerator.empty()) return std::nullopt;
      any = reading.word->find(profile.accelerator) != std::string::npos;  // "NVIDIA H100 80GB HBM3" is an H100
    } else {
      any = std::find(words.begin(), words.end(), *reading.word) != words.end();
    }
    return any == (rule.comparison == Comparison::is);
  }
  double limit = rule.number;
  if (!rule.profile_key.empty()) {
    const auto said = profile.Number(rule.profile_key);
    if (!said) return std::nullopt;
    limit = *said * rule.share;
  }
  const double value = reading.number.value_or(0);
  const bool equal = !(value < limit) && !(value > limit);
  switch (rule.comparison) {
    case Comparison::below: return value < limit;
    case Comparison::above: return value > limit;
    case Comparison::is: return equal;
    case Comparison::is_not: break;
  }
  return !equal;
}

std::string Contradiction(const std::optional<Rule>& warn, const std::optional<Rule>& fail, Unit unit) {
  if (!warn || !fail || unit == Unit::word) return {};
  const bool ordered = warn->comparison == Comparison::above || warn->comparison == Comparison::below;
  if (!ordered || !(fail->comparison == Comparison::above || fail->comparison == Comparison::below)) return {};
  if (warn->comparison != fail->comparison)
    return Cat("warns at \"", ShowRule(*warn, unit), "\" and fails at \"", ShowRule(*fail, unit),
               "\": both must point one way");
  const bool numbers = IsNumber(*warn) && IsNumber(*fail);
  if (!numbers && warn->profile_key != fail->profile_key) return {};
  const double warns = numbers ? warn->number : warn->share, fails = numbers ? fail->number : fail->share;
  const bool inverted = warn->comparison == Comparison::above ? fails <= warns : fails >= warns;
  if (!inverted) return {};
  return Cat("fails at \"", ShowRule(*fail, unit), "\" before it warns at \"", ShowRule(*warn, unit), "\": swap them");
}

}  // namespace everstep::health
