// xid.yaml: every Xid has its action.
#include <gtest/gtest.h>

#include <map>

#include "health/catalogue/catalogue.h"

namespace everstep::health {
namespace {

const XidTable& Table() {
  static const XidTable table = *ReadXids(BuiltInXidText(), "built in");
  return table;
}

std::string Refusal(const std::string& text) {
  const auto read = ReadXids(text, "xid.yaml");
  return read ? "it was taken" : read.error().message;
}

// The table that the operators' guides of five tools were boiled down to, code by code, apart from the file.
std::map<std::uint32_t, Action> Wanted() {
  std::map<std::uint32_t, Action> wanted;
  for (std::uint32_t code = 1; code <= 173; ++code) wanted[code] = Action::note;
  const auto set = [&](Action action, std::initializer_list<std::uint32_t> codes) {
    for (const std::uint32_t code : codes) wanted[code] = action;
  };
  set(Action::app,
      {8,  11, 13, 25, 31, 32, 39,  40,  41,  43,  60,  68,  69,  70,  71,  72,  75,  76,  77,  80,  82,  83,  84,  85,  86,
       88, 89, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 137, 139, 141});
  set(Action::defer, {63, 92, 94, 156});
  set(Action::drain, {154});  // unless its text says otherwise
  set(Action::reset, {46,  48,  57,  58,  62,  64,  74,  95,  109, 110, 119, 120, 136, 140,
                      143, 144, 145, 146, 147, 148, 149, 150, 155, 158, 159, 171, 172});
  set(Action::reboot, {9, 12, 18, 30, 33, 59, 61, 79, 123, 151, 167, 168, 169, 173});
  set(Action::replace, {54});
  return wanted;
}

TEST(XidFile, EveryXidHasItsAction) {
  for (const auto& [code, action] : Wanted()) {
    ASSERT_TRUE(FindXid(Table(), code)) << "Xid " << code << " is not in the table";
    const XidDecision decision = DecideXid(Table(), {.code = code, .device = "0000:18:00"});
    EXPECT_EQ(Name(decision.action), Name(action)) << "Xid " << code << ": " << decision.why;
  }
}

TEST(XidFile, ACodeOfTomorrowIsNoted) {
  const XidDecision decision = DecideXid(Table(), {.code = 999, .device = "0000:18:00"});
  EXPECT_EQ(decision.action, Action::note);
  EXPECT_EQ(decision.why, "Xid 999 of 0000:18:00 is not in the table");
}

TEST(XidFile, MistakesAreToldWithTheirPlace) {
  EXPECT_EQ(Refusal("xids:\n  - {codes: [13], about: a, action: app}\n  - {codes: [10-14], about: b, action: note}\n"),
            "xid.yaml:3:6: xids[1].codes: found 13 a second time, legal: once; it is \"a\" above");
  EXPECT_EQ(
      Refusal("xids:\n  - {codes: [13], about: a, action: rebot}\n"),
      "xid.yaml:2:29: xids[0].action: found \"rebot\", legal: text, note, app, defer, drain, reset, reboot or replace; did you "
      "mean `reboot`?");
  EXPECT_EQ(Refusal("xids:\n  - {codes: [14-13], about: a, action: app}\n"),
            "xid.yaml:2:14: xids[0].codes[0]: found \"14-13\", legal: a code or a range of codes, such as 13 or 144-150; the "
            "first code "
            "of a range is the lower one");
  EXPECT_EQ(Refusal("xids:\n  - {codes: [13], about: a, action: reboot, repeat: reset}\n"),
            "xid.yaml:2:45: xids[0].repeat: found reset, weaker than reboot: what comes back needs more, not less");
}

}  // namespace
}  // namespace everstep::health
