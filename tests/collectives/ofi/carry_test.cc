// Plans carried over libfabric's tcp provider by several endpoints of one process, a thread each.
#include "collectives/ofi/carry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <thread>

#include "base/real/clock.h"
#include "base/text.h"

namespace everstep {
namespace {

using Play = std::function<std::string(Carrier&, std::uint32_t rank)>;

// Each rank on a thread; what each says. `options` may differ by rank.
std::vector<std::string> All(std::uint32_t ranks, const Play& play,
                             const std::function<void(std::uint32_t, CarryOptions&)>& adjust = {}, std::size_t rails = 1) {
  std::vector<std::string> said(ranks);
  std::vector<std::vector<std::string>> addresses(rails, std::vector<std::string>(ranks));
  std::barrier together(static_cast<std::ptrdiff_t>(ranks));
  std::vector<std::thread> threads;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      RealClock clock;
      std::vector<FabricInfo> infos;
      while (infos.size() < rails)
        infos.push_back(std::move((*FindRails({.provider = "tcp", .interfaces = {}, .address = "127.0.0.1"}))[0]));
      Result<std::unique_ptr<Rails>> over = Rails::Open(std::move(infos));
      for (std::uint32_t rail = 0; rail < rails; ++rail) addresses[rail][rank] = (**over)[rail].address();
      together.arrive_and_wait();
      for (std::uint32_t rail = 0; rail < rails; ++rail) (void)(**over)[rail].AddPeers(addresses[rail]);
      CarryOptions options;
      options.rank = rank;
      options.chunk_bytes = 4096;
      options.timeout = 30s;
      if (adjust) adjust(rank, options);
      Carrier carrier(*std::move(over), clock, options);
      said[rank] = play(carrier, rank);
      together.arrive_and_wait();  // nobody's endpoint goes while another still needs it
    });
  }
  for (std::thread& thread : threads) thread.join();
  return said;
}

struct Setting {
  Collective collective{};
  Algorithm algorithm{};
  std::uint32_t ranks = 4;
  std::size_t share = 1000;  // elements; all_reduce: of the whole
  DataType type = DataType::f32;
  ReduceOperation operation = ReduceOperation::sum;
  bool in_place = false;
};

// One run with exact data, checked at every hop and at the end. Empty: all is right.
std::string Once(Carrier& carrier, const Setting& setting, std::uint32_t rank, std::vector<WrongHop>* hops = nullptr) {
  const std::size_t size = SizeOf(setting.type);
  const std::size_t share = setting.share;
  const std::size_t elements = setting.collective == Collective::all_reduce ? share : share * setting.ranks;
  const ExactData data(setting.type, setting.operation, setting.ranks, 7);
  const Plan plan = PlanFor(setting.collective, setting.algorithm, setting.ranks, rank);
  std::vector<std::byte> source(elements * size), result(elements * size, std::byte{0xff});
  Carried carried{.type = setting.type,
                  .operation = setting.operation,
                  .source = source.data(),
                  .buffer = result.data(),
                  .elements = elements,
                  .source_memory = nullptr,
                  .buffer_memory = nullptr};
  if (setting.in_place) carried.source = carried.buffer;
  if (setting.collective == Collective::all_gather)
    data.Fill(result.data() + rank * share * size, rank, rank * share, share);
  else
    data.Fill(const_cast<void*>(carried.source), rank, 0, elements);
  HopCheck check{
      .data = &data, .sources = IncomingSources(setting.collective, setting.algorithm, setting.ranks, rank), .wrong = {}};
  if (const Status ran = carrier.Run(plan, carried, &check); !ran) return ran.error().Str();
  if (hops != nullptr) *hops = check.wrong;
  if (!check.wrong.empty())
    return Cat("round ", check.wrong[0].round, " from ", check.wrong[0].from, " element ", check.wrong[0].element);
  std::vector<std::uint32_t> all;
  for (std::uint32_t one = 0; one < setting.ranks; ++one) all.push_back(one);
  const auto right = [&](const std::vector<std::uint32_t>& of, std::size_t at, std::size_t place, std::size_t count) {
    return !data.Compare(result.data() + at * size, of, place, count).has_value();
  };
  bool good = true;
  if (setting.collective == Collective::all_reduce) good = right(all, 0, 0, elements);
  if (setting.collective == Collective::reduce_scatter) good = right(all, rank * share, rank * share, share);
  for (const std::uint32_t one : all) {
    if (setting.collective == Collective::all_gather) good = good && right({one}, one * share, one * share, share);
    if (setting.collective == Collective::all_to_all) good = good && right({one}, one * share, rank * share, share);
  }
  return good ? "" : "the result is wrong";
}

void EveryCollectiveIsExact(std::uint32_t ranks, std::size_t rails) {
  const std::vector<std::string> said = All(
      ranks,
      [&](Carrier& carrier, std::uint32_t rank) -> std::string {
        for (std::size_t c = 0; c < NamesOf(Collective{}).size(); ++c)
          for (std::size_t a = 0; a < NamesOf(Algorithm{}).size(); ++a)
            for (const std::size_t share : {std::size_t{1}, std::size_t{17}, std::size_t{5000}})
              for (const bool in_place : {false, true}) {
                const Setting setting{.collective = static_cast<Collective>(c),
                                      .algorithm = static_cast<Algorithm>(a),
                                      .ranks = ranks,
                                      .share = share,
                                      .type = DataType::f32,
                                      .in_place = in_place};
                if (!Has(setting.collective, setting.algorithm) || (in_place && setting.collective == Collective::all_to_all))
                  continue;
                const std::string wrong = Once(carrier, setting, rank);
                if (!wrong.empty())
                  return Cat(Name(setting.collective), " by ", Name(setting.algorithm), " of ", share,
                             in_place ? " in place: " : ": ", wrong);
              }
        return "";
      },
      [](std::uint32_t, CarryOptions& options) { options.split_bytes = 256; }, rails);
  EXPECT_EQ(said, std::vector<std::string>(ranks)) << ranks << " ranks";
}

TEST(Carry, EveryCollectiveByEveryAlgorithmIsExactOutOfPlaceAndInPlace) {
  for (const std::uint32_t ranks : {1u, 2u, 3u, 4u, 6u}) EveryCollectiveIsExact(ranks, 1);
}

TEST(Carry, OverTwoAndThreeRailsToo) {
  EveryCollectiveIsExact(3, 2);
  EveryCollectiveIsExact(4, 3);
}

TEST(Carry, AMessageGoesOverAllRailsAlike) {
  std::vector<std::vector<std::uint64_t>> sent(2);
  const std::vector<std::string> said = All(
      2,
      [&](Carrier& carrier, std::uint32_t rank) {
        const std::string wrong = Once(carrier,
                                       {.collective = Collective::all_gather,
                                        .algorithm = Algorithm::ring,
                                        .ranks = 2,
                                        .share = 16'000,
                                        .type = DataType::f32,
                                        .in_place = false},
                                       rank);
        for (std::uint32_t rail = 0; rail < carrier.rails(); ++rail) sent[rank].push_back(carrier.over()[rail].moved().sent);
        return wrong;
      },
      [](std::uint32_t, CarryOptions& options) {
        options.split_bytes = 256;
        options.chunk_bytes = 1 << 20;
      },
      2);
  EXPECT_EQ(said, std::vector<std::string>(2));
  EXPECT_EQ(sent[0], (std::vector<std::uint64_t>{32'000, 32'000}));
}

TEST(Carry, AMessageOfAPairGoesByTheRailThatIsNamed) {
  std::vector<std::uint64_t> sent(2);
  All(
      2,
      [&](Carrier& carrier, std::uint32_t rank) -> std::string {
        std::byte* room = *carrier.Room(5000);
        const PairPath path{.peer = 1 - rank, .test = 3, .rail = 1};
        const Status done = rank == 0 ? carrier.SendTo(path, room, 5000) : carrier.ReceiveFrom(path, room, 5000);
        if (rank == 0) sent = {carrier.over()[0].moved().sent, carrier.over()[1].moved().sent};
        return done ? "" : done.error().Str();
      },
      {}, 2);
  EXPECT_EQ(sent, (std::vector<std::uint64_t>{0, 5000}));
}

TEST(Carry, ARailThatIsSilentIsNamedWithItsNic) {
  const std::vector<std::string> said = All(
      2,
      [&](Carrier& carrier, std::uint32_t rank) -> std::string {
        std::byte* room = *carrier.Room(8);
        // Rank 1 sends by the other rail.
        const Status done = rank == 0 ? carrier.ReceiveFrom({.peer = 1, .test = 1, .rail = 1}, room, 8)
                                      : carrier.SendTo({.peer = 0, .test = 1, .rail = 0}, room, 8);
        return done ? "" : done.error().Str();
      },
      [](std::uint32_t, CarryOptions& options) {
        options.timeout = 2s;
        options.nic = [](std::uint32_t rank, std::uint32_t rail) {
          return Cat("rail ", rail, " (eth", rail, " of ", rank, ")");
        };
      },
      2);
  EXPECT_EQ(said[0], "waiting for data from rank 1 over its rail 1 (eth1 of 1) in round 0: nothing in 2 s");
}

TEST(Carry, EveryTypeAndOperationIsExact) {
  const std::vector<std::string> said = All(3, [&](Carrier& carrier, std::uint32_t rank) -> std::string {
    for (std::size_t type = 0; type < NamesOf(DataType{}).size(); ++type)
      for (std::size_t operation = 0; operation < NamesOf(ReduceOperation{}).size(); ++operation) {
        const Setting setting{.collective = Collective::all_reduce,
                              .algorithm = Algorithm::ring,
                              .ranks = 3,
                              .share = 3001,
                              .type = static_cast<DataType>(type),
                              .operation = static_cast<ReduceOperation>(operation),
                              .in_place = false};
        const std::string wrong = Once(carrier, setting, rank);
        if (!wrong.empty()) return Cat(Name(setting.operation), " of ", Name(setting.type), ": ", wrong);
      }
    return "";
  });
  EXPECT_EQ(said, std::vector<std::string>(3));
}

TEST(Carry, ABitThatTurnsOnTheWayIsFoundAtTheHopWhereItTurned) {
  const Setting setting{.collective = Collective::all_reduce,
                        .algorithm = Algorithm::ring,
                        .ranks = 4,
                        .share = 4000,
                        .type = DataType::i32,
                        .in_place = false};
  const auto tamper = [](std::uint32_t rank, CarryOptions& options) {
    if (rank != 2) return;
    options.tamper = [](std::uint32_t round, std::byte* data, std::size_t) {
      if (round == 1) data[8] ^= std::byte{1};
    };
  };
  std::vector<std::vector<WrongHop>> hops(4);
  All(
      4, [&](Carrier& carrier, std::uint32_t rank) { return Once(carrier, setting, rank, &hops[rank]); }, tamper);
  ASSERT_FALSE(hops[2].empty());
  EXPECT_EQ(hops[2][0].round, 1u);
  EXPECT_EQ(hops[2][0].from, 1u);
  EXPECT_EQ(hops[2][0].element % 1000, 10u % 8);  // of its block, the third
  EXPECT_EQ(std::abs(hops[2][0].got - hops[2][0].expected), 1.0);
  EXPECT_EQ(hops[2][0].elements, 1u);
  // It travels on: the others see it later.
  for (const std::uint32_t rank : {3u, 0u}) {
    ASSERT_FALSE(hops[rank].empty());
    EXPECT_GT(hops[rank][0].round, 1u);
  }
}

TEST(Carry, WhoWaitsForARankThatDoesNothingSaysForWhomAndForHowLong) {
  const auto soon = [](std::uint32_t, CarryOptions& options) {
    options.timeout = 2s;
    options.who = [](std::uint32_t rank) { return Cat("rank ", rank, " (n", rank + 1, ")"); };
  };
  const std::vector<std::string> said = All(
      3,
      [&](Carrier& carrier, std::uint32_t rank) -> std::string {
        if (rank == 1) return "idle";
        return Once(carrier,
                    {.collective = Collective::all_reduce,
                     .algorithm = Algorithm::ring,
                     .ranks = 3,
                     .share = 64,
                     .type = DataType::f32,
                     .in_place = false},
                    rank);
      },
      soon);
  EXPECT_EQ(said[2], "waiting for data from rank 1 (n2) in round 0: nothing in 2 s");
  // Rank 1 does not even take the connection that rank 0 makes to it.
  EXPECT_EQ(said[0], "sending to rank 1 (n2) in round 0: nothing in 2 s");
}

TEST(Carry, WordThatSomebodyHasGoneEndsTheWait) {
  std::atomic<int> looks = 0;
  const auto gone = [&](std::uint32_t, CarryOptions& options) {
    options.look = [&]() -> Status {
      ++looks;
      return Fail(ErrorCode::kUnavailable, "rank 1 (n2) is gone");
    };
  };
  const std::vector<std::string> said = All(
      2,
      [&](Carrier& carrier, std::uint32_t rank) -> std::string {
        if (rank == 1) return "gone";
        return Once(carrier,
                    {.collective = Collective::all_reduce,
                     .algorithm = Algorithm::ring,
                     .ranks = 2,
                     .share = 64,
                     .type = DataType::f32,
                     .in_place = false},
                    rank);
      },
      gone);
  EXPECT_EQ(said[0], "rank 1 (n2) is gone");
  EXPECT_GT(looks, 0);
}

// With connections that stand: it is the wait for data that ends.
TEST(Carry, WordThatSomebodyHasGoneEndsTheWaitForData) {
  std::atomic<bool> gone = false;
  const auto later = [&](std::uint32_t rank, CarryOptions& options) {
    if (rank != 0) return;
    options.look = [&]() -> Status { return gone ? Status(Fail(ErrorCode::kUnavailable, "rank 1 (n2) is gone")) : Status(); };
  };
  const Setting setting{.collective = Collective::all_gather,
                        .algorithm = Algorithm::ring,
                        .ranks = 2,
                        .share = 64,
                        .type = DataType::f32,
                        .in_place = false};
  const std::vector<std::string> said = All(
      2,
      [&](Carrier& carrier, std::uint32_t rank) -> std::string {
        const std::string first = Once(carrier, setting, rank);
        if (rank == 1 || !first.empty()) return first;
        gone = true;
        return Once(carrier, setting, rank);
      },
      later);
  EXPECT_EQ(said[0], "rank 1 (n2) is gone");
  EXPECT_EQ(said[1], "");
}

TEST(Carry, WaitsAreCountedByWhomTheyWereFor) {
  std::vector<std::vector<double>> waits(3);
  const std::vector<std::string> said = All(3, [&](Carrier& carrier, std::uint32_t rank) {
    const std::string wrong = Once(carrier,
                                   {.collective = Collective::all_reduce,
                                    .algorithm = Algorithm::ring,
                                    .ranks = 3,
                                    .share = 64,
                                    .type = DataType::f32,
                                    .in_place = false},
                                   rank);
    waits[rank] = carrier.TakeWaits(3);
    return wrong;
  });
  EXPECT_EQ(said, std::vector<std::string>(3));
  double all = 0;
  for (std::uint32_t rank = 0; rank < 3; ++rank)
    for (std::uint32_t other = 0; other < 3; ++other) {
      all += waits[rank][other];
      // In a ring a rank waits for the one before it only.
      if (other != (rank + 2) % 3) {
        EXPECT_EQ(waits[rank][other], 0) << rank << " for " << other;
      }
    }
  EXPECT_GT(all, 0);
}

}  // namespace
}  // namespace everstep
