#include "collectives/nccl/nccl_backend.h"

#include <sched.h>

#include <array>
#include <cstring>
#include <functional>

#include "base/text.h"
#include "collectives/nccl/libraries.h"

namespace everstep {
namespace {

constexpr Duration kLookEvery = 50ms;
// Of calls that a device has not come to the end of, at most two batches wait: a full queue of the driver (1,024 long) would
// hold NCCL's thread where neither deadline nor abort reach it.
constexpr std::uint32_t kBatch = 32;

nccl::Type TypeOf(DataType type) {
  switch (type) {
    case DataType::f32: return nccl::Type::f32;
    case DataType::f64: return nccl::Type::f64;
    case DataType::f16: return nccl::Type::f16;
    case DataType::bf16: return nccl::Type::bf16;
    case DataType::i32: return nccl::Type::i32;
    case DataType::i64: return nccl::Type::i64;
    case DataType::i8: return nccl::Type::i8;
    case DataType::u8: return nccl::Type::u8;
    case DataType::u32: return nccl::Type::u32;
    case DataType::u64: return nccl::Type::u64;
  }
  return nccl::Type::f32;
}

nccl::Operation OperationOf(ReduceOperation operation) {
  switch (operation) {
    case ReduceOperation::sum: return nccl::Operation::sum;
    case ReduceOperation::prod: return nccl::Operation::prod;
    case ReduceOperation::max: return nccl::Operation::max;
    case ReduceOperation::min: return nccl::Operation::min;
    case ReduceOperation::avg: return nccl::Operation::avg;
  }
  return nccl::Operation::sum;
}

// A side's memory on the device, and the host's copy of it.
struct Memory {
  void* device = nullptr;
  std::vector<std::byte> host{};
  std::byte* At(std::size_t byte) const { return static_cast<std::byte*>(device) + byte; }
};

class NcclBackend final : public Backend {
 public:
  NcclBackend(const NcclLibraries& libraries, Company company, Clock& clock)
      : nccl_(libraries.nccl),
        cuda_(libraries.cuda),
        versions_(libraries.Versions()),
        company_(std::move(company)),
        clock_(clock) {}
  ~NcclBackend() override;

  Status Open();

  std::string Library() const override { return versions_; }
  std::string Device() const override { return device_; }
  Status Reserve(std::size_t bytes) override;
  std::byte* Image(Side side) override { return memory_[side == Side::source ? 0 : 1].host.data(); }
  Status Upload(std::size_t bytes) override { return CopyAll(bytes, cuda::Copy::to_device); }
  Status Download(std::size_t bytes) override { return CopyAll(bytes, cuda::Copy::to_host); }
  Result<double> Timed(const CollectiveRun& run, std::uint32_t times) override;
  Result<std::vector<WrongHop>> Check(const CollectiveRun& run, const ExactData& data) override;

 private:
  std::string Here() const { return Cat("host ", company_.hosts[company_.rank]); }
  Status TakeDevice();
  Status Connect();
  Status Done(cuda::Answer answer, std::string_view doing);
  // Waits where a call has only begun something.
  Status Done(nccl::Answer answer, std::string_view doing);
  // Until `ready`; errors of the communicator, of a rank that has gone and the deadline end it.
  Status WaitFor(std::string_view what, const std::function<Result<bool>()>& ready);
  Status WaitForEvent(cuda::Event* event, std::string_view what);
  Result<bool> Settled();
  Status Enqueue(const CollectiveRun& run);
  Status Exchange(const CollectiveRun& run);
  Status CopyAll(std::size_t bytes, cuda::Copy direction);

  decltype(NcclLibraries::nccl) nccl_;
  decltype(NcclLibraries::cuda) cuda_;
  std::string versions_;
  std::string device_{};
  Company company_;
  Clock& clock_;
  nccl::Communicator* communicator_ = nullptr;
  cuda::Stream* stream_ = nullptr;
  cuda::Event* start_ = nullptr;
  cuda::Event* end_ = nullptr;
  std::array<cuda::Event*, 2> batches_{};
  bool broken_ = false;  // the communicator: it is aborted, not destroyed
  std::array<Memory, 2> memory_{};
  std::uint32_t calls_ = 0;  // alike on all ranks: what stands for the round in an answer about who is stuck
};

// Memory, stream and events go with the process: to give them back could wait for work that never ends. By now all are told
// what broke: whatever becomes of NCCL while it aborts, nothing is lost.
NcclBackend::~NcclBackend() {
  if (communicator_ == nullptr) return;
  (void)(broken_ ? nccl_.Abort(communicator_) : nccl_.Destroy(communicator_));
}

Status NcclBackend::Done(cuda::Answer answer, std::string_view doing) {
  if (answer == cuda::Answer::success) return {};
  broken_ = true;
  return Fail(ErrorCode::kIo, Cat("CUDA on ", Here(), " cannot ", doing, ": ", cuda_.GetErrorString(answer)));
}

Status NcclBackend::Done(nccl::Answer answer, std::string_view doing) {
  if (answer == nccl::Answer::success) return {};
  if (answer == nccl::Answer::in_progress) return WaitFor(doing, [this] { return Settled(); });
  const std::string why = nccl_.GetErrorString(answer);
  broken_ = true;
  return Fail(ErrorCode::kIo, Cat("NCCL on ", Here(), " cannot ", doing, ": ", why), "NCCL_DEBUG=WARN makes it say more");
}

Result<bool> NcclBackend::Settled() {
  auto state = nccl::Answer::success;
  const nccl::Answer asked = nccl_.GetAsyncError(communicator_, &state);
  if (asked != nccl::Answer::success) state = asked;
  if (state == nccl::Answer::in_progress) return false;
  if (state == nccl::Answer::success) return true;
  const std::string why = nccl_.GetErrorString(state);
  broken_ = true;
  return Fail(ErrorCode::kIo, Cat("NCCL on ", Here(), " reports: ", why), "NCCL_DEBUG=WARN makes it say more");
}

Status NcclBackend::WaitFor(std::string_view what, const std::function<Result<bool>()>& ready) {
  const Time begin = clock_.Now();
  Time looked = begin;
  for (;;) {
    EVERSTEP_ASSIGN(const bool is_ready, ready());
    if (is_ready) return {};
    const Time now = clock_.Now();
    if (now - looked < kLookEvery) {
      sched_yield();
      continue;
    }
    looked = now;
    if (communicator_ != nullptr) EVERSTEP_TRY(Settled());
    if (Status all_here = company_.look(); !all_here) {
      broken_ = true;
      return all_here;
    }
    if (now - begin <= company_.timeout) continue;
    broken_ = true;
    return company_.stuck(
        {.rank = company_.rank,
         .round = calls_,
         .peer = {},
         .sends = false,
         .nic_here = {},
         .nic_there = {},
         .down = {},
         .how = Cat("NCCL on ", Here(), " does not come to the end of ", what, " in ", Show(company_.timeout))});
  }
}

Status NcclBackend::WaitForEvent(cuda::Event* event, std::string_view what) {
  return WaitFor(what, [&]() -> Result<bool> {
    const cuda::Answer answer = cuda_.QueryEvent(event);
    if (answer == cuda::Answer::not_ready) return false;
    EVERSTEP_TRY(Done(answer, what));
    return true;
  });
}

Status NcclBackend::TakeDevice() {
  int devices = 0;
  const cuda::Answer counted = cuda_.GetDeviceCount(&devices);
  if (counted != cuda::Answer::success || devices == 0)
    return Fail(
        ErrorCode::kNotFound,
        Cat("no CUDA device on ", Here(), counted == cuda::Answer::success ? "" : Cat(": ", cuda_.GetErrorString(counted))),
        "does nvidia-smi show one there? By --backend ofi none is needed");
  const std::uint32_t own = company_.PlaceOnHost();
  if (own >= static_cast<std::uint32_t>(devices))
    return Fail(ErrorCode::kInvalid,
                Cat(company_.RanksOnHost(), " ranks were started on ", Here(), ", which has ",
                    Count(static_cast<std::size_t>(devices), "CUDA device")),
                "a rank has a device of its own: start no more ranks than devices");
  const int device = static_cast<int>(own);
  EVERSTEP_TRY(Done(cuda_.SetDevice(device), Cat("use device ", device)));
  std::array<char, 32> bus{};
  EVERSTEP_TRY(Done(cuda_.GetPciBusId(bus.data(), static_cast<int>(bus.size()) - 1, device), Cat("find device ", device)));
  device_ = Cat("GPU ", device, " ", std::string(bus.data()));
  EVERSTEP_TRY(Done(cuda_.CreateStream(&stream_), "make a stream"));
  for (cuda::Event** event : {&start_, &batches_[0], &batches_[1]})
    EVERSTEP_TRY(Done(cuda_.CreateEvent(event), "make an event"));
  return Done(cuda_.CreateEvent(&end_), "make an event");
}

// Rank 0's id goes to all; then all connect to it, in NCCL's own threads.
Status NcclBackend::Connect() {
  nccl::UniqueId id{};
  if (company_.rank == 0) EVERSTEP_TRY(Done(nccl_.GetUniqueId(&id), "make an id"));
  EVERSTEP_ASSIGN(const std::vector<std::string> ids,
                  company_.exchange(company_.rank == 0 ? std::string(id.internal, sizeof id.internal) : ""));
  if (ids[0].size() != sizeof id.internal)
    return Fail(ErrorCode::kCorrupt, Cat(company_.Who(0), " sent no id of NCCL"), "do all ranks run the same version?");
  std::memcpy(id.internal, ids[0].data(), sizeof id.internal);
  nccl::Config config;
  const nccl::Answer begun =
      nccl_.InitRank(&communicator_, static_cast<int>(company_.ranks), id, static_cast<int>(company_.rank), &config);
  return Done(begun, "connecting the ranks");
}

Status NcclBackend::Open() {
  EVERSTEP_TRY(TakeDevice());
  // Before NCCL is asked for anything, all ranks have a device: who has none ends all, and says so.
  EVERSTEP_TRY(company_.Barrier());
  return Connect();
}

Status NcclBackend::Reserve(std::size_t bytes) {
  for (Memory& memory : memory_) {
    memory.host.resize(bytes);
    EVERSTEP_TRY(Done(cuda_.Allocate(&memory.device, bytes), Cat("allocate ", bytes >> 20, " MiB")));
  }
  return {};
}

Status NcclBackend::CopyAll(std::size_t bytes, cuda::Copy direction) {
  const bool up = direction == cuda::Copy::to_device;
  for (Memory& memory : memory_) {
    void* to = up ? memory.device : memory.host.data();
    const void* from = up ? memory.host.data() : memory.device;
    EVERSTEP_TRY(Done(cuda_.CopyAsync(to, from, bytes, direction, stream_), "copy"));
  }
  EVERSTEP_TRY(Done(cuda_.RecordEvent(end_, stream_), "record an event"));
  return WaitForEvent(end_, "a copy");
}

// All-to-all is messages: NCCL has a call of its own for it from 2.28 on only.
Status NcclBackend::Exchange(const CollectiveRun& run) {
  const std::size_t share = run.shape.count * run.shape.element;
  EVERSTEP_TRY(Done(nccl_.GroupStart(), "begin a group"));
  for (std::uint32_t rank = 0; rank < company_.ranks; ++rank) {
    const int peer = static_cast<int>(rank);
    EVERSTEP_TRY(
        Done(nccl_.Send(memory_[0].At(rank * share), run.shape.count, TypeOf(run.type), peer, communicator_, stream_), "send"));
    EVERSTEP_TRY(
        Done(nccl_.Receive(memory_[1].At(rank * share), run.shape.count, TypeOf(run.type), peer, communicator_, stream_),
             "receive"));
  }
  return Done(nccl_.GroupEnd(), "an all-to-all");
}

Status NcclBackend::Enqueue(const CollectiveRun& run) {
  const std::size_t own = company_.rank * run.shape.count * run.shape.element;
  const nccl::Type type = TypeOf(run.type);
  const nccl::Operation operation = OperationOf(run.operation);
  const std::size_t count = run.shape.count;
  const std::byte* from = memory_[run.in_place ? 1 : 0].At(0);
  std::byte* to = memory_[1].At(0);
  ++calls_;
  switch (run.collective) {
    case Collective::all_reduce:
      return Done(nccl_.AllReduce(from, to, count, type, operation, communicator_, stream_), "an all-reduce");
    case Collective::reduce_scatter:
      return Done(nccl_.ReduceScatter(from, to + own, count, type, operation, communicator_, stream_), "a reduce-scatter");
    case Collective::all_gather:
      return Done(nccl_.AllGather(run.in_place ? to + own : from, to, count, type, communicator_, stream_), "an all-gather");
    case Collective::all_to_all: return Exchange(run);
  }
  return {};
}

Result<double> NcclBackend::Timed(const CollectiveRun& run, std::uint32_t times) {
  EVERSTEP_TRY(Done(cuda_.RecordEvent(start_, stream_), "record an event"));
  const std::string what = Cat(Name(run.collective), " of ", run.shape.bytes, " bytes");
  for (std::uint32_t i = 0; i < times; ++i) {
    if (i > 0 && i % kBatch == 0) {
      cuda::Event* batch = batches_[i / kBatch % 2];
      if (i > 2 * kBatch) EVERSTEP_TRY(WaitForEvent(batch, what));  // that before the last: the device is not idle meanwhile
      EVERSTEP_TRY(Done(cuda_.RecordEvent(batch, stream_), "record an event"));
    }
    EVERSTEP_TRY(Enqueue(run));
  }
  EVERSTEP_TRY(Done(cuda_.RecordEvent(end_, stream_), "record an event"));
  EVERSTEP_TRY(WaitForEvent(end_, what));
  float milliseconds = 0;
  EVERSTEP_TRY(Done(cuda_.ElapsedTime(&milliseconds, start_, end_), "tell the time between two events"));
  return static_cast<double>(milliseconds) / 1e3;
}

Result<std::vector<WrongHop>> NcclBackend::Check(const CollectiveRun& run, const ExactData&) {
  EVERSTEP_TRY(Timed(run, 1));
  return std::vector<WrongHop>();
}

}  // namespace

Result<std::unique_ptr<Backend>> OpenNccl(const Company& company, Clock& clock) {
  EVERSTEP_ASSIGN(const NcclLibraries libraries, LoadNccl(company.hosts[company.rank]));
  auto backend = std::make_unique<NcclBackend>(libraries, company, clock);
  if (Status opened = backend->Open(); !opened) {
    // Nobody is told yet, and to abort could hang or crash: the process ends soon, and NCCL with it. Until then NCCL's threads
    // may write into what they were given, so it stays; "used" keeps it in sight of whoever looks for leaks.
    [[gnu::used]] static const NcclBackend* const kKept = backend.release();
    return Fail(opened.error());
  }
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace everstep
