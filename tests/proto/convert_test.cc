#include "proto/convert.h"

#include <gtest/gtest.h>

#include "base/messages.h"
#include "base/rng.h"
#include "everstep/v1/agent.pb.h"
#include "everstep/v1/control.pb.h"
#include "everstep/v1/peer.pb.h"
#include "launcher/core/api.h"

namespace everstep {
namespace {

// Fills any described struct with values of all sizes, from a seed.
class Filler {
 public:
  explicit Filler(std::uint64_t seed) : rng_(seed) {}

  void Fill(bool& v) { v = rng_.Below(2) == 1; }
  template <std::integral N>
  void Fill(N& v) {
    v = static_cast<N>(rng_.Next() >> rng_.Below(64));
  }
  template <NamedEnum E>
  void Fill(E& v) {
    v = static_cast<E>(rng_.Below(NamesOf(E{}).size()));
  }
  void Fill(std::string& v) {
    static constexpr std::string_view kParts[] = {"a", "", "ü", "\n", "…", "0123456789"};
    v.clear();
    for (std::uint64_t n = rng_.Below(4); n > 0; --n) v += kParts[rng_.Below(std::size(kParts))];
  }
  void Fill(Time& v) { v = AtNanoseconds(Signed()); }
  void Fill(Duration& v) { v = Duration(Signed()); }
  void Fill(WallTime& v) { v.ns = Signed(); }
  template <class Tag>
  void Fill(Text<Tag>& v) {
    Fill(v.value);
  }
  template <class Tag>
  void Fill(Number<Tag>& v) {
    Fill(v.value);
  }
  template <class T>
  void Fill(std::optional<T>& v) {
    v.reset();
    if (rng_.Below(2) == 1) Fill(v.emplace());
  }
  template <class T>
  void Fill(std::vector<T>& v) {
    v.resize(rng_.Below(4));
    for (T& item : v) Fill(item);
  }
  void Fill(std::map<std::string, std::string>& v) {
    v.clear();
    for (std::uint64_t n = rng_.Below(4); n > 0; --n) {
      std::string name;
      Fill(name);
      Fill(v[name]);
    }
  }
  template <Described T>
  void Fill(T& v) {
    ForEachField(v, [this](std::string_view, auto& member) { Fill(member); });
  }

 private:
  std::int64_t Signed() { return static_cast<std::int64_t>(rng_.Next()) >> rng_.Below(64); }
  Rng rng_;
};

// Through bytes, as on the wire.
template <class M, class T>
Result<T> ThereAndBack(const T& value) {
  M out;
  EVERSTEP_TRY(ToProto(value, out));
  M in;
  EXPECT_TRUE(in.ParseFromString(out.SerializeAsString()));
  return FromProto<T>(in);
}

template <class M, class T>
void ExpectExact() {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    T value{};
    Filler(seed).Fill(value);
    const Result<T> back = ThereAndBack<M>(value);
    ASSERT_TRUE(back) << "seed " << seed << ": " << back.error().Str();
    ASSERT_EQ(*back, value) << "seed " << seed;
  }
}
template <class M, class V, class... A>
void ExpectExactAlternatives(std::type_identity<std::variant<A...>>) {
  const auto each = [&]<class T>(std::type_identity<T>) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      T value{};
      Filler(seed).Fill(value);
      const Result<V> back = ThereAndBack<M>(V(value));
      ASSERT_TRUE(back) << T::kName << " of seed " << seed << ": " << back.error().Str();
      ASSERT_EQ(*back, V(value)) << T::kName << " of seed " << seed;
    }
  };
  (each(std::type_identity<A>{}), ...);
}

TEST(Convert, AnythingSaidBetweenLauncherAndAgentComesBackExactly) {
  ExpectExactAlternatives<v1::FromAgent, FromAgent>(std::type_identity<FromAgent>{});
  ExpectExactAlternatives<v1::ToAgent, ToAgent>(std::type_identity<ToAgent>{});
  ExpectExact<v1::Ping, Ping>();
  ExpectExact<v1::Pong, Pong>();
}

TEST(Convert, JobsAndViewsComeBackExactly) {
  ExpectExact<v1::JobSpec, JobSpec>();
  ExpectExact<v1::JobView, JobView>();
  ExpectExact<v1::NodeView, NodeView>();
  ExpectExact<v1::EventView, EventView>();
}

TEST(Convert, ABeatIsAtMost64BytesWhateverItSays) {
  const auto most = ~std::uint64_t{0};
  v1::FromAgent message;
  ASSERT_TRUE(ToProto(
      FromAgent(Beat{.seq = Sequence(most), .incarnation = Incarnation(most), .sent = AtNanoseconds(-1), .state_hash = most}),
      message));
  EXPECT_LE(message.ByteSizeLong(), 64u);
}

TEST(Convert, WhatAPersonLeavesOutOfAJobHasTheDefaultsOfTheJobFile) {
  v1::JobSpec message;
  message.add_command("python3");
  message.mutable_restart()->set_budget(0);
  const Result<JobSpec> spec = FromProto<JobSpec>(message);
  ASSERT_TRUE(spec);
  EXPECT_EQ(*spec, (JobSpec{.command = {"python3"}, .restart = {.budget = 0}}));
}

TEST(Convert, AnEnumValueOfTheFutureIsRefusedWithItsPlace) {
  v1::FromAgent message;
  message.mutable_report()->add_gangs()->set_phase(v1::GANG_PHASE_EMPTY);
  message.mutable_report()->add_gangs()->set_phase(static_cast<v1::GangPhase>(9));
  const Result<FromAgent> read = FromProto<FromAgent>(message);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().Str(), "report.gangs[1].phase: found 9, legal: 1 (GANG_PHASE_PREPARING) to 6 (GANG_PHASE_EMPTY)");
}

TEST(Convert, AMessageWithoutContentIsRefused) {
  const Result<FromAgent> read = FromProto<FromAgent>(v1::FromAgent());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().Str(), "message: none of its members is set");
}

TEST(Convert, AMissingPartIsRefusedUnlessTheSchemaSaysOptional) {
  v1::FromAgent message;
  message.mutable_hello()->set_node("n1");
  const Result<FromAgent> read = FromProto<FromAgent>(message);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().Str(), "hello.report: missing");
}

TEST(Convert, BytesThatAreNotUtf8TravelWhereTheyAreLegitimateAndAreReportedElsewhere) {
  const std::string stderr_cut_in_a_character = "loss \xe2\x82";
  v1::RankExit exit;
  EXPECT_TRUE(ToProto(RankExit{.code = 1, .tail = stderr_cut_in_a_character}, exit));
  EXPECT_EQ(exit.tail(), stderr_cut_in_a_character);

  v1::SubmitJob submit;
  const Status said = ToProto(SubmitJob{.spec = {.command = {"python3", "\xff.py"}}}, submit);
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().Str(), "spec.command[1]: not UTF-8");
  EXPECT_EQ(submit.spec().command(1), "?.py") << "still fit to be shown";
}

TEST(Convert, Utf8IsTakenAsStrictlyAsProtobufTakesIt) {
  struct Row {
    std::string_view text;
    std::string_view made;
  };
  for (const Row& row : {Row{"é€😀", "é€😀"},
                         {"\xc0\xaf", "??"},
                         {"\xed\xa0\x80", "???"},
                         {"\xf4\x90\x80\x80", "????"},
                         {"\xe0\x80\x80", "???"},
                         {"a\xf0\x9f\x98", "a???"},
                         {"\x80", "?"}})
    EXPECT_EQ(wire::AsUtf8(row.text), row.made);
}

}  // namespace
}  // namespace everstep
