#include "collectives/ofi/carry.h"

#include <sched.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace everstep {

// A piece of a receive: where its bytes land, and what is to be done with them then.
struct Carrier::Incoming {
  std::size_t receive = 0;      // of the round
  std::size_t first = 0;        // element of the buffer
  std::size_t count = 0;        // elements
  std::byte* landed = nullptr;  // in the buffer or in scratch memory
  enum class Then { keep, add_source, add_to_buffer } then = Then::keep;
};

struct Carrier::RoundReceives {
  std::vector<Operation> operations{};
  std::vector<Incoming> pieces{};  // one an operation
  std::vector<std::byte> scratch{};
  RailMemory scratch_memory{};
};

// One run of a plan. Blocks that nothing has been added to are read from the source.
struct Carrier::Job {
  const Plan& plan;
  const Carried& carried;
  HopCheck* check = nullptr;
  std::size_t size = 0;         // of an element
  std::size_t block = 0;        // elements
  std::vector<bool> planned{};  // by block: written when the receives posted so far have landed
  std::vector<bool> written{};  // by block: now

  bool to_all() const { return plan.collective == Collective::all_to_all; }
  // Elements that blocks cover in the space in which they lie.
  std::size_t First(Blocks blocks) const {
    const std::size_t index = to_all() ? blocks.first % plan.ranks : blocks.first;
    return std::min(index * block, carried.elements);
  }
  std::size_t Count(Blocks blocks) const {
    return std::min(First(blocks) + blocks.count * block, carried.elements) - First(blocks);
  }
  bool All(const std::vector<bool>& of, Blocks blocks, bool what) const {
    for (std::uint32_t i = blocks.first; i < blocks.first + blocks.count; ++i)
      if (of[i] != what) return false;
    return true;
  }
  void Mark(std::vector<bool>& of, Blocks blocks) const {
    for (std::uint32_t i = blocks.first; i < blocks.first + blocks.count; ++i) of[i] = true;
  }
  std::byte* InBuffer(std::size_t element) const { return static_cast<std::byte*>(carried.buffer) + element * size; }
  const std::byte* InSource(std::size_t element) const {
    return static_cast<const std::byte*>(carried.source) + element * size;
  }
};

namespace {

constexpr int kPollsBeforeYield = 16, kPollsBeforeSleep = 64;
constexpr Duration kSleepMost = 10ms;
constexpr Duration kLookEvery = 50ms;
constexpr Duration kNewsTakes = 1s;  // for word of a dead process to come round

void* DescriptionOf(const RailMemory* memory, std::uint32_t rail) {
  return memory == nullptr ? nullptr : memory->Description(rail);
}

bool Overlap(Blocks a, Blocks b) { return a.first < b.first + b.count && b.first < a.first + a.count; }

}  // namespace

Carrier::Carrier(std::unique_ptr<Rails> rails, Clock& clock, CarryOptions options)
    : rails_(std::move(rails)), clock_(clock), options_(std::move(options)) {
  options_.chunk_bytes = std::min(options_.chunk_bytes, rails_->message_max()) / 64 * 64;
  for (auto& receives : receives_) receives = std::make_unique<RoundReceives>();
}
Carrier::~Carrier() {
  for (auto& receives : receives_) receives->scratch_memory = {};
  for (auto& room : rooms_) room->memory = {};
}

Stripes Carrier::Striped() const {
  return {.rails = rails_->size(), .chunk_bytes = options_.chunk_bytes, .split_bytes = options_.split_bytes};
}

std::string Carrier::Nic(std::uint32_t rank, std::uint32_t rail) const {
  return options_.nic ? options_.nic(rank, rail) : Cat("rail ", rail);
}

// Runs and rounds wrap around long after their messages have arrived.
std::uint64_t Carrier::Tag(std::uint32_t sender, std::size_t round, std::size_t chunk) const {
  return (std::uint64_t{sequence_} & 0x7fffu) << 48 | (std::uint64_t{sender} & 0xffffu) << 32 |
         (std::uint64_t{round} & 0xffffu) << 16 | (chunk & 0xffffu);
}

std::string Carrier::Told(const Operation& operation, std::size_t round, const std::string& what) const {
  return Cat(operation.sends ? "sending to " : "waiting for data from ",
             options_.who ? options_.who(operation.peer) : Cat("rank ", operation.peer),
             rails_->size() > 1 ? Cat(" over its ", Nic(operation.peer, operation.rail)) : "", " in round ", round, ": ", what);
}

Status Carrier::Broken(const Operation& operation, std::size_t round, const std::string& what) {
  // A process that has died says more than the error of the connection to it.
  const Time until = clock_.Now() + kNewsTakes;
  while (options_.look && clock_.Now() < until) {
    EVERSTEP_TRY(options_.look());
    sched_yield();
  }
  return Fail(ErrorCode::kUnavailable, Told(operation, round, what));
}

Status Carrier::Stuck(const Operation& operation, std::size_t round) {
  const std::string how = Told(operation, round, Cat("nothing in ", Show(options_.timeout)));
  if (!options_.stuck) return Fail(ErrorCode::kTimeout, how);
  const bool several = rails_->size() > 1;
  return options_.stuck({.rank = options_.rank,
                         .round = rounds_before_ + round,
                         .peer = operation.peer,
                         .sends = operation.sends,
                         .nic_here = several ? Nic(options_.rank, operation.rail) : "",
                         .nic_there = several ? Nic(operation.peer, operation.rail) : "",
                         .down = options_.down ? options_.down() : "",
                         .how = how});
}

Status Carrier::WaitFor(const Operation& operation, std::size_t round, bool asks) {
  if (operation.done && operation.error.empty()) return {};
  const Time start = clock_.Now();
  Time progress = start, looked = start;
  for (int idle = 0; !operation.done; ++idle) {
    // Ranks may outnumber cores: who has waited for a while leaves the core to those who have something to do.
    const bool sleeps = idle >= kPollsBeforeSleep;
    EVERSTEP_ASSIGN(const std::size_t completed, sleeps ? rails_->PollAfterSleep(kSleepMost) : rails_->Poll());
    if (completed > 0) idle = 0;
    if (completed == 0 && !sleeps) {
      if (idle % kPollsBeforeYield == kPollsBeforeYield - 1) sched_yield();
      continue;
    }
    const Time now = clock_.Now();
    if (completed > 0) progress = now;
    if (now - looked < kLookEvery) continue;
    // It was this process that stood still: that is no word about the others, whose messages are taken now.
    if (now - looked > options_.timeout / 2) progress = now;
    looked = now;
    if (options_.look) EVERSTEP_TRY(options_.look());
    if (now - progress <= options_.timeout) continue;
    if (asks) return Stuck(operation, round);
    return Fail(ErrorCode::kTimeout, Told(operation, round, Cat("nothing in ", Show(options_.timeout))));
  }
  if (!operation.sends && operation.peer < waits_.size()) waits_[operation.peer] += Seconds(clock_.Now() - start);
  if (operation.error.empty()) return {};
  return asks ? Broken(operation, round, operation.error)
              : Fail(ErrorCode::kUnavailable, Told(operation, round, operation.error));
}

Status Carrier::Post(Operation& operation, bool send, void* data, std::size_t bytes, void* description, bool asks) {
  operation.done = false;
  operation.error.clear();
  const Time deadline = clock_.Now() + options_.timeout;
  for (;;) {
    Result<bool> posted =
        send ? rails_->Send(operation, data, bytes, description) : rails_->Receive(operation, data, bytes, description);
    if (!posted && asks) return Broken(operation, 0, posted.error().message);
    if (!posted) return Fail(posted.error());
    if (*posted) return {};
    EVERSTEP_ASSIGN(const std::size_t completed, rails_->Poll());
    if (completed > 0) continue;
    sched_yield();
    if (options_.look) EVERSTEP_TRY(options_.look());
    if (clock_.Now() <= deadline) continue;
    if (asks) return Stuck(operation, 0);
    return Fail(ErrorCode::kTimeout, Told(operation, 0, Cat("no room to post in ", Show(options_.timeout))));
  }
}

Status Carrier::PostReceives(Job& job, std::size_t round) {
  RoundReceives& receives = *receives_[round % 2];
  receives.operations.clear();
  receives.pieces.clear();
  if (round >= job.plan.rounds.size()) return {};
  std::size_t scratch = 0;
  const auto& planned = job.plan.rounds[round].receives;
  const std::uint32_t rails = rails_->size();
  for (std::size_t index = 0; index < planned.size(); ++index) {
    const PlannedReceive& receive = planned[index];
    const bool fresh = receive.add && job.All(job.planned, receive.blocks, false);
    Check(!receive.add || fresh || job.All(job.planned, receive.blocks, true), "a receive is of blocks of one kind");
    const std::size_t first = job.First(receive.blocks), count = job.Count(receive.blocks);
    const std::size_t most = PieceBytes(count * job.size, Striped()) / job.size;
    for (std::size_t done = 0; done < count; done += most) {
      Incoming piece{.receive = index,
                     .first = first + done,
                     .count = std::min(most, count - done),
                     .landed = nullptr,
                     .then = Incoming::Then::keep};
      if (receive.add) piece.then = fresh ? Incoming::Then::add_source : Incoming::Then::add_to_buffer;
      if (piece.then == Incoming::Then::add_to_buffer) scratch += piece.count * job.size;
      Operation operation;
      operation.peer = receive.peer;
      operation.tag = Tag(receive.peer, round, done / most);
      operation.rail = RailOf(receive.peer, options_.rank, round, done / most, rails);
      receives.operations.push_back(operation);
      receives.pieces.push_back(piece);
    }
    job.Mark(job.planned, receive.blocks);
  }
  if (receives.scratch.size() < scratch) {
    receives.scratch_memory = {};
    receives.scratch.resize(scratch);
    EVERSTEP_ASSIGN(receives.scratch_memory, rails_->Register(receives.scratch.data(), scratch));
  }
  std::byte* free = receives.scratch.data();
  for (std::size_t i = 0; i < receives.pieces.size(); ++i) {
    Incoming& piece = receives.pieces[i];
    const bool aside = piece.then == Incoming::Then::add_to_buffer;
    piece.landed = aside ? free : job.InBuffer(piece.first);
    if (aside) free += piece.count * job.size;
    Operation& operation = receives.operations[i];
    EVERSTEP_TRY(Post(operation, false, piece.landed, piece.count * job.size,
                      DescriptionOf(aside ? &receives.scratch_memory : job.carried.buffer_memory, operation.rail), true));
  }
  return {};
}

Status Carrier::PostSends(Job& job, std::size_t round) {
  struct Out {
    const std::byte* data;
    std::size_t bytes;
    void* description;
  };
  std::vector<Out> outs;
  sends_.clear();
  for (const PlannedSend& send : job.plan.rounds[round].sends) {
    const bool from_source = job.to_all() || job.All(job.written, send.blocks, false);
    Check(from_source || job.All(job.written, send.blocks, true), "a send is of blocks of one kind");
    const std::size_t first = job.First(send.blocks), count = job.Count(send.blocks);
    const std::size_t most = PieceBytes(count * job.size, Striped()) / job.size;
    for (std::size_t done = 0; done < count; done += most) {
      Operation operation;
      operation.peer = send.peer;
      operation.tag = Tag(options_.rank, round, done / most);
      operation.rail = RailOf(options_.rank, send.peer, round, done / most, rails_->size());
      sends_.push_back(operation);
      outs.push_back({from_source ? job.InSource(first + done) : job.InBuffer(first + done),
                      std::min(most, count - done) * job.size,
                      DescriptionOf(from_source ? job.carried.source_memory : job.carried.buffer_memory, operation.rail)});
    }
  }
  for (std::size_t i = 0; i < outs.size(); ++i)
    EVERSTEP_TRY(Post(sends_[i], true, const_cast<std::byte*>(outs[i].data), outs[i].bytes, outs[i].description, true));
  return {};
}

void Carrier::CheckHop(Job& job, std::size_t round, const Incoming& piece) {
  const PlannedReceive& receive = job.plan.rounds[round].receives[piece.receive];
  for (std::uint32_t i = 0; i < receive.blocks.count; ++i) {
    const Blocks one{receive.blocks.first + i, 1};
    const std::size_t begin = std::max(job.First(one), piece.first);
    const std::size_t end = std::min(job.First(one) + job.Count(one), piece.first + piece.count);
    if (begin >= end) continue;
    std::vector<std::uint32_t> ranks;
    for (std::uint32_t rank = 0; rank < job.plan.ranks; ++rank)
      if ((job.check->sources[round][piece.receive][i] >> rank & 1u) != 0) ranks.push_back(rank);
    // What a rank gives to this one lies at this rank's place in its source.
    const std::size_t place = job.to_all() ? job.plan.rank * job.block + (begin - job.First(one)) : begin;
    const auto wrong = job.check->data->Compare(piece.landed + (begin - piece.first) * job.size, ranks, place, end - begin);
    if (!wrong) continue;
    job.check->wrong.push_back({.round = static_cast<std::uint32_t>(round),
                                .from = receive.peer,
                                .element = begin + wrong->at,
                                .expected = wrong->expected,
                                .got = wrong->got,
                                .elements = wrong->elements});
  }
}

void Carrier::Apply(Job& job, std::size_t round, const Incoming& piece) {
  if (options_.tamper) options_.tamper(static_cast<std::uint32_t>(round), piece.landed, piece.count * job.size);
  if (job.check != nullptr && !job.check->sources.empty()) CheckHop(job, round, piece);
  if (piece.then == Incoming::Then::keep) return;
  const ReduceKernel reduce = ReduceKernelFor(job.carried.type, job.carried.operation, BestInstructionSet());
  const void* from = piece.then == Incoming::Then::add_source ? job.InSource(piece.first) : piece.landed;
  reduce(job.InBuffer(piece.first), from, piece.count);
}

Status Carrier::ApplyReceives(Job& job, std::size_t round) {
  const PlanRound& planned = job.plan.rounds[round];
  bool overlap = false;
  for (const PlannedSend& send : planned.sends)
    for (const PlannedReceive& receive : planned.receives)
      overlap = overlap || (receive.add && job.All(job.written, send.blocks, true) && Overlap(send.blocks, receive.blocks));
  const auto sent = [&]() -> Status {
    for (const Operation& operation : sends_) EVERSTEP_TRY(WaitFor(operation, round, true));
    return {};
  };
  // What is being sent must not change under the NIC's hands.
  if (overlap) EVERSTEP_TRY(sent());
  RoundReceives& receives = *receives_[round % 2];
  for (std::size_t i = 0; i < receives.pieces.size(); ++i) {
    EVERSTEP_TRY(WaitFor(receives.operations[i], round, true));
    Apply(job, round, receives.pieces[i]);
  }
  for (const PlannedReceive& receive : planned.receives) job.Mark(job.written, receive.blocks);
  return sent();
}

Status Carrier::Run(const Plan& plan, const Carried& carried, HopCheck* check) {
  const std::size_t size = SizeOf(carried.type);
  const std::uint32_t blocks = plan.collective == Collective::all_to_all ? plan.ranks : plan.blocks;
  // Whole cache lines a block, so that no two are in one; N shares are what they are.
  std::size_t block = (carried.elements + blocks - 1) / blocks;
  if (plan.collective == Collective::all_reduce) block = (block + 15) / 16 * 16;
  const bool in_place = plan.collective == Collective::all_gather || carried.source == carried.buffer;
  Job job{.plan = plan,
          .carried = carried,
          .check = check,
          .size = size,
          .block = block,
          .planned = std::vector<bool>(plan.blocks, in_place && plan.collective != Collective::all_to_all),
          .written = {}};
  job.written = job.planned;
  Check(plan.rank == options_.rank, "the plan is of this rank");
  ++sequence_;
  waits_.resize(std::max<std::size_t>(waits_.size(), plan.ranks));
  EVERSTEP_TRY(PostReceives(job, 0));
  for (std::size_t round = 0; round < plan.rounds.size(); ++round) {
    for (const PlannedCopy& copy : plan.rounds[round].copies)
      std::memcpy(job.InBuffer(job.First({copy.to, 1})), job.InSource(job.First({copy.from, 1})),
                  job.Count({copy.from, 1}) * size);
    EVERSTEP_TRY(PostSends(job, round));
    EVERSTEP_TRY(PostReceives(job, round + 1));
    EVERSTEP_TRY(ApplyReceives(job, round));
  }
  rounds_before_ += plan.rounds.size();
  // One rank alone has its result without any addition.
  if (plan.rounds.empty() && !in_place) std::memcpy(carried.buffer, carried.source, carried.elements * size);
  return {};
}

std::vector<double> Carrier::TakeWaits(std::uint32_t ranks) {
  std::vector<double> taken = std::move(waits_);
  taken.resize(ranks);
  waits_.assign(ranks, 0);
  return taken;
}

Result<std::byte*> Carrier::Room(std::size_t bytes) {
  auto room = std::make_unique<PairRoom>();
  room->bytes.resize(bytes);
  EVERSTEP_ASSIGN(room->memory, rails_->Register(room->bytes.data(), bytes));
  rooms_.push_back(std::move(room));
  return rooms_.back()->bytes.data();
}

const RailMemory* Carrier::MemoryOf(const void* data) const {
  const auto* byte = static_cast<const std::byte*>(data);
  for (const auto& room : rooms_)
    if (byte >= room->bytes.data() && byte < room->bytes.data() + room->bytes.size()) return &room->memory;
  return nullptr;
}

// Tests of pairs have numbers of their own: the upper half.
Carrier::Flight Carrier::Message(const PairPath& path, bool sends, std::size_t bytes) const {
  Flight flight{.pieces = {}, .piece_bytes = path.rail ? bytes : PieceBytes(bytes, Striped()), .bytes = bytes};
  const std::uint32_t sender = sends ? options_.rank : path.peer, receiver = sends ? path.peer : options_.rank;
  for (std::size_t done = 0, piece = 0; done < bytes; done += flight.piece_bytes, ++piece) {
    auto operation = std::make_unique<Operation>();
    operation->peer = path.peer;
    operation->rail = path.rail ? *path.rail : RailOf(sender, receiver, path.test, piece, rails_->size());
    operation->sends = sends;
    operation->tag = Tag(sender, path.test, piece) | std::uint64_t{1} << 63;
    flight.pieces.push_back(std::move(operation));
  }
  return flight;
}

void Carrier::Abandon(Flight& flight) {
  for (auto& piece : flight.pieces) {
    if (!piece->done) rails_->Cancel(*piece);
    abandoned_.push_back(std::move(piece));
  }
  flight.pieces.clear();
}

Status Carrier::Start(Flight& flight, void* data) {
  const RailMemory* memory = MemoryOf(data);
  for (std::size_t i = 0; i < flight.pieces.size(); ++i) {
    Operation& piece = *flight.pieces[i];
    const std::size_t begin = i * flight.piece_bytes;
    const Status posted = Post(piece, piece.sends, static_cast<std::byte*>(data) + begin,
                               std::min(flight.piece_bytes, flight.bytes - begin), DescriptionOf(memory, piece.rail), false);
    if (posted) continue;
    // It and those behind it were never on their way.
    for (std::size_t later = i; later < flight.pieces.size(); ++later) flight.pieces[later]->done = true;
    Abandon(flight);
    return posted;
  }
  return {};
}

Status Carrier::Finish(Flight& flight) {
  for (const auto& piece : flight.pieces) {
    const Status done = WaitFor(*piece, 0, false);
    if (done) continue;
    Abandon(flight);
    return done;
  }
  return {};
}

Status Carrier::SendTo(const PairPath& path, const void* data, std::size_t bytes) {
  Flight out = Message(path, true, bytes);
  EVERSTEP_TRY(Start(out, const_cast<void*>(data)));
  return Finish(out);
}

Status Carrier::ReceiveFrom(const PairPath& path, void* data, std::size_t bytes) {
  Flight in = Message(path, false, bytes);
  EVERSTEP_TRY(Start(in, data));
  return Finish(in);
}

Status Carrier::SwapWith(const PairPath& path, const void* out, void* in, std::size_t bytes) {
  Flight comes = Message(path, false, bytes);
  EVERSTEP_TRY(Start(comes, in));
  if (Status sent = SendTo(path, out, bytes); !sent) {
    Abandon(comes);
    return sent;
  }
  return Finish(comes);
}

}  // namespace everstep
