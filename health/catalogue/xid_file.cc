#include "base/yaml/item.h"
#include "base/yaml/typo.h"
#include "health/catalogue/catalogue.h"
#include "health/catalogue/item.h"

namespace everstep::health {

namespace {

using yaml::Key;
using yaml::Required;

constexpr std::uint64_t kCodeMax = 9'999;
constexpr std::string_view kText = "text";

struct RowText {
  XidRow row{};
  std::string action{};
};

struct XidFile {
  XidTable table{};
  std::vector<RowText> rows{};
};

// "13" or "144-150".
yaml::Type<XidRow::Range> RangeType() {
  return yaml::Scalar<XidRow::Range>(
      "a code or a range of codes, such as 13 or 144-150",
      [](std::string_view text) -> tl::expected<XidRow::Range, std::string> {
        const std::size_t dash = text.find('-');
        const auto first = ParseUnsigned(text.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : ParseUnsigned(text.substr(dash + 1));
        if (!first || !last || *last > kCodeMax) return tl::unexpected(std::string());
        if (*last < *first) return tl::unexpected(std::string("the first code of a range is the lower one"));
        return XidRow::Range{static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*last)};
      },
      [](const XidRow::Range& range) {
        return range.first == range.last ? Cat(range.first) : Cat(range.first, '-', range.last);
      });
}

yaml::Type<std::optional<Action>> MaybeAction() {
  return yaml::As<std::optional<Action>, Action>(
      yaml::EnumOf<Action>(), [](Action action) { return std::optional(action); },
      [](const std::optional<Action>& action) { return action.value_or(Action::note); });
}

template <class V>
yaml::Row<RowText> Of(std::string name, V XidRow::*member, yaml::Type<V> type, std::string doc, bool required = false) {
  auto row = yaml::KeyThrough<RowText, V>(
      std::move(name), [member](const RowText& text) { return text.row.*member; },
      [member](RowText& text, V value) { text.row.*member = std::move(value); }, std::move(type), std::move(doc));
  row.required = required;
  return row;
}

yaml::Table<RowText> RowTable() {
  return {{
      Of("codes", &XidRow::codes, yaml::ListOf(RangeType(), 100, "[13, 144-150]"), "which", true),
      Of("about", &XidRow::about, yaml::Text(), "what it means", true),
      Of("nvidia", &XidRow::nvidia, yaml::Text(), "NVIDIA's own immediate action, as a letter"),
      Required("action", &RowText::action, yaml::Text(), "what is done"),
      Of("nonfatal", &XidRow::nonfatal, MaybeAction(), "where the line says Nonfatal"),
      Of("a100", &XidRow::a100, MaybeAction(), "on an A100"),
      Of("repeat", &XidRow::repeat, MaybeAction(), "after one remedy for the same code"),
  }};
}

Status FinishRow(RowText& text, const std::string& place) {
  std::vector<std::string> legal{std::string(kText)};
  for (const std::string_view name : NamesOf(Action{})) legal.emplace_back(name);
  if (text.action == kText) {
    text.row.follow_text = true;
    text.row.action = Action::drain;
  } else if (const auto action = EnumNamed<Action>(text.action)) {
    text.row.action = *action;
  } else {
    const std::string next = DidYouMean(text.action, legal);
    return Fail(ErrorCode::kInvalid, Cat(place, ".action: found \"", Printable(text.action),
                                         "\", legal: ", Join(legal, ", ", " or "), next.empty() ? "" : "; ", next));
  }
  if (text.row.repeat && *text.row.repeat < text.row.action)
    return Fail(ErrorCode::kInvalid, Cat(place, ".repeat: found ", Name(*text.row.repeat), ", weaker than ",
                                         Name(text.row.action), ": what comes back needs more, not less"));
  return {};
}

Status Finish(XidFile& file) {
  for (std::size_t i = 0; i < file.rows.size(); ++i) {
    const std::string place = Cat("xids[", i, ']');
    EVERSTEP_TRY(FinishRow(file.rows[i], place));
    for (const XidRow::Range& range : file.rows[i].row.codes)
      for (std::uint32_t code = range.first; code <= range.last; ++code)
        if (const XidRow* other = FindXid(file.table, code))
          return Fail(ErrorCode::kInvalid,
                      Cat(place, ".codes: found ", code, " a second time, legal: once; it is \"", other->about, "\" above"));
    file.table.rows.push_back(file.rows[i].row);
  }
  return {};
}

}  // namespace

Result<XidTable> ReadXids(std::string_view text, std::string_view file) {
  const yaml::Table<XidTable> of_switch{{Key("fatal", &XidTable::switch_fatal, yaml::EnumOf<Action>(), "of a fatal SXid"),
                                         Key("nonfatal", &XidTable::switch_nonfatal, yaml::EnumOf<Action>(), "of another")}};
  const yaml::Table<XidFile> table{
      {yaml::KeyThrough<XidFile, Action>(
           "unlisted", [](const XidFile& f) { return f.table.unlisted; }, [](XidFile& f, Action a) { f.table.unlisted = a; },
           yaml::EnumOf<Action>(), "of a code that is not here"),
       yaml::Nested("switch", &XidFile::table, of_switch, "errors of NVSwitch"),
       Required("xids", &XidFile::rows, yaml::ListOf(yaml::Item(RowTable()), 1000, "[{codes: [79], …}]"), "the codes")}};
  EVERSTEP_ASSIGN(XidFile read, yaml::Read<XidFile>(table, text, file, {}, Finish));
  return std::move(read.table);
}

}  // namespace everstep::health
