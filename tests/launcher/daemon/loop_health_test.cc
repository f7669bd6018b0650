// The launcher's loop and what time alone decides about hosts: nobody reports anything new, and it looks all the same.
#include "tests/launcher/daemon/loop_fixture.h"

namespace everstep {
namespace {

class LoopHealth : public Loop {
 protected:
  // A log in which n1 was taken out of work and n2, which failed the same check, was put off.
  void BootWithOnePutOff() {
    disk.entries.clear();
    const auto log = [this](const Fact& fact) {
      disk.entries.push_back(EncodeEntry({.at = AtNanoseconds(static_cast<std::int64_t>(disk.entries.size())), .fact = fact}));
    };
    for (const NodeId& node : {n1, n2})
      log(NodeJoined{.node = node, .boot = BootId("boot"), .state_id = "1", .address = node.value + ":7470", .why = "joined"});
    log(HostsChecked{.job = JobId("check-1"),
                     .bad = {{.node = n1, .why = "7 of 8 GPUs"},
                             {.node = n2, .why = "6 of 8 GPUs", .stays = "one has gone", .put_off = true}},
                     .why = "check (quick) finds n1 and n2"});
    disk.end = LogIndex(disk.entries.size());
    Boot({.epoch = Epoch(1), .first = LogIndex(1), .entries = disk.entries, .last_write = clock.Wall()}, Epoch(2));
    Connect(n1, 1);
    Connect(n2, 2);
  }
  // Their agents beat, and have nothing to say.
  void Beats(Duration over) {
    for (const Time until = clock.now + over; clock.now < until;) {
      Wait(1s);
      for (const std::uint64_t session : {1u, 2u})
        Says(session, Beat{.seq = Sequence(++beats_),
                           .incarnation = Incarnation(1),
                           .state_hash = HashOf(HelloFrom(n1).report),
                           .agent = TagOf("1", BootId("boot"))});
    }
    Sync();
  }
  const NodeState& Node(const NodeId& id) const { return loop->world().state.nodes.at(id); }

 private:
  std::uint64_t beats_ = 0;
};

TEST_F(LoopHealth, AHostThatWasPutOffIsHeldBackWhenTheHourIsOver) {
  BootWithOnePutOff();
  ASSERT_TRUE(HeldBack(Node(n1)));
  ASSERT_TRUE(PutOff(Node(n2)));
  Beats(59min);
  EXPECT_TRUE(PutOff(Node(n2)));
  Beats(2min);
  EXPECT_TRUE(HeldBack(Node(n2)));
}

}  // namespace
}  // namespace everstep
