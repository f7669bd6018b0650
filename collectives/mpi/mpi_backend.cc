#include "collectives/mpi/mpi_backend.h"

#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "base/text.h"

namespace everstep {
namespace {

constexpr int kTagsMax = 32767;  // the least that the standard promises
constexpr Duration kLookEvery = 50ms;

std::string TextOf(int error) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(error, text.data(), &length);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

std::optional<MPI_Datatype> TypeOf(DataType type) {
  switch (type) {
    case DataType::f32: return MPI_FLOAT;
    case DataType::f64: return MPI_DOUBLE;
    case DataType::i32: return MPI_INT32_T;
    case DataType::i64: return MPI_INT64_T;
    case DataType::i8: return MPI_INT8_T;
    case DataType::u8: return MPI_UINT8_T;
    case DataType::u32: return MPI_UINT32_T;
    case DataType::u64: return MPI_UINT64_T;
    case DataType::f16:
    case DataType::bf16: break;
  }
  return std::nullopt;
}

// MPI has no average: what is summed up is divided afterwards.
MPI_Op OperationOf(ReduceOperation operation) {
  switch (operation) {
    case ReduceOperation::sum:
    case ReduceOperation::avg: return MPI_SUM;
    case ReduceOperation::prod: return MPI_PROD;
    case ReduceOperation::max: return MPI_MAX;
    case ReduceOperation::min: return MPI_MIN;
  }
  return MPI_SUM;
}

// Ends the process when a call takes too long. The thread sleeps while there is none.
class Watchman {
 public:
  Watchman(std::string host, Duration timeout) : host_(std::move(host)), timeout_(timeout), thread_([this] { Watch(); }) {}
  ~Watchman() {
    Set(std::nullopt);
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Watchman(const Watchman&) = delete;
  Watchman& operator=(const Watchman&) = delete;

  // From now on, anew; nullopt: there is nothing to watch.
  void Set(std::optional<std::string> call) {
    {
      const std::lock_guard lock(mutex_);
      call_ = std::move(call);
      ++calls_;
    }
    changed_.notify_all();
  }

 private:
  void Watch() {
    std::unique_lock lock(mutex_);
    while (!over_) {
      const std::uint64_t seen = calls_;
      const auto moved = [&] { return over_ || calls_ != seen; };
      if (!call_)
        changed_.wait(lock, moved);
      else if (!changed_.wait_for(lock, timeout_, moved))
        End();
    }
  }
  [[noreturn]] void End() {
    std::fprintf(stderr, "everstep-probe: MPI on host %s does not come to the end of %s in %s\n", host_.c_str(), call_->c_str(),
                 Show(timeout_).c_str());
    ::_exit(1);
  }

  std::string host_;
  Duration timeout_;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::optional<std::string> call_{};
  std::uint64_t calls_ = 0;
  bool over_ = false;
  std::thread thread_;
};

class MpiBackend final : public Backend, public PairLink {
 public:
  MpiBackend(const Company& company, Clock& clock)
      : company_(company), clock_(clock), watchman_(company.hosts[company.rank], company.timeout) {}
  ~MpiBackend() override {
    watchman_.Set("MPI_Finalize");
    if (!failed_) MPI_Finalize();
  }

  std::string Library() const override;
  std::string Device() const override { return "MPI"; }
  Status Reserve(std::size_t bytes) override {
    source_.resize(bytes);
    result_.resize(bytes);
    return {};
  }
  std::byte* Image(Side side) override { return side == Side::source ? source_.data() : result_.data(); }
  Result<double> Timed(const CollectiveRun& run, std::uint32_t times) override;
  Result<std::vector<WrongHop>> Check(const CollectiveRun& run, const ExactData& data) override;
  PairLink* Pairs() override { return this; }

  Status SendTo(const PairPath& path, const void* data, std::size_t bytes) override;
  Status ReceiveFrom(const PairPath& path, void* data, std::size_t bytes) override;
  Status SwapWith(const PairPath& path, const void* out, void* in, std::size_t bytes) override;

 private:
  Status Done(int answer, std::string_view doing);
  int Call(const CollectiveRun& run);
  void DivideSum(const CollectiveRun& run);
  Result<MPI_Request> Post(std::uint32_t peer, std::uint16_t test, bool sends, void* data, std::size_t bytes);
  Status WaitFor(MPI_Request request, std::uint32_t peer, bool sends);

  Company company_;
  Clock& clock_;
  std::vector<std::byte> source_{}, result_{};
  bool failed_ = false;
  Watchman watchman_;
};

std::string MpiBackend::Library() const {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string whole(text.data(), static_cast<std::size_t>(length));
  return whole.substr(0, whole.find_first_of(",\n"));  // "Open MPI v4.1.4", without how it was built
}

Status MpiBackend::Done(int answer, std::string_view doing) {
  if (answer == MPI_SUCCESS) return {};
  failed_ = true;
  return Fail(ErrorCode::kIo, Cat("MPI on host ", company_.hosts[company_.rank], " cannot ", doing, ": ", TextOf(answer)));
}

int MpiBackend::Call(const CollectiveRun& run) {
  const int count = static_cast<int>(run.shape.count);
  const std::size_t own = company_.rank * run.shape.count * run.shape.element;
  const void* from = run.in_place ? MPI_IN_PLACE : source_.data();
  std::byte* to = result_.data();
  const MPI_Datatype type = *TypeOf(run.type);
  const MPI_Op operation = OperationOf(run.operation);
  switch (run.collective) {
    case Collective::all_reduce: return MPI_Allreduce(from, to, count, type, operation, MPI_COMM_WORLD);
    case Collective::reduce_scatter:
      return MPI_Reduce_scatter_block(from, run.in_place ? to : to + own, count, type, operation, MPI_COMM_WORLD);
    case Collective::all_gather: return MPI_Allgather(from, count, type, to, count, type, MPI_COMM_WORLD);
    case Collective::all_to_all: return MPI_Alltoall(from, count, type, to, count, type, MPI_COMM_WORLD);
  }
  return MPI_SUCCESS;
}

// In place MPI leaves a share at the beginning of what it was added in.
void MpiBackend::DivideSum(const CollectiveRun& run) {
  ResultRange range = ResultOf(run, company_.rank);
  if (run.in_place) range.first = 0;
  if (run.operation == ReduceOperation::avg && range.count > 0)
    Divide(run.type, result_.data() + range.first * run.shape.element, range.count, company_.ranks);
}

Result<double> MpiBackend::Timed(const CollectiveRun& run, std::uint32_t times) {
  const std::string what = Cat(Name(run.collective), " of ", run.shape.bytes, " bytes");
  if (run.shape.count > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
    return Fail(ErrorCode::kInvalid, Cat(what, " is ", run.shape.count, " elements, and MPI counts them in an int"),
                "a smaller -e, or a larger type");
  const Time start = clock_.Now();
  for (std::uint32_t i = 0; i < times; ++i) {
    watchman_.Set(what);
    EVERSTEP_TRY(Done(Call(run), what));
    DivideSum(run);
  }
  watchman_.Set(std::nullopt);
  return Seconds(clock_.Now() - start);
}

Result<std::vector<WrongHop>> MpiBackend::Check(const CollectiveRun& run, const ExactData&) {
  EVERSTEP_TRY(Timed(run, 1));
  const std::size_t share = run.shape.count * run.shape.element;
  if (run.collective == Collective::reduce_scatter && run.in_place)
    std::memmove(result_.data() + company_.rank * share, result_.data(), share);
  return std::vector<WrongHop>();
}

Result<MPI_Request> MpiBackend::Post(std::uint32_t peer, std::uint16_t test, bool sends, void* data, std::size_t bytes) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int size = static_cast<int>(bytes), other = static_cast<int>(peer), tag = test % kTagsMax;
  EVERSTEP_TRY(Done(sends ? MPI_Isend(data, size, MPI_BYTE, other, tag, MPI_COMM_WORLD, &request)
                          : MPI_Irecv(data, size, MPI_BYTE, other, tag, MPI_COMM_WORLD, &request),
                    sends ? "send" : "receive"));
  return request;
}

Status MpiBackend::WaitFor(MPI_Request request, std::uint32_t peer, bool sends) {
  const Time begin = clock_.Now();
  Time looked = begin;
  for (;;) {
    int done = 0;
    EVERSTEP_TRY(Done(MPI_Test(&request, &done, MPI_STATUS_IGNORE), sends ? "send" : "receive"));
    if (done != 0) return {};
    const Time now = clock_.Now();
    if (now - looked < kLookEvery) {
      sched_yield();
      continue;
    }
    looked = now;
    EVERSTEP_TRY(company_.look());
    if (now - begin <= company_.timeout) continue;
    if (!sends) MPI_Cancel(&request);
    failed_ = true;  // MPI_Finalize would wait for what has not come
    return Fail(ErrorCode::kTimeout, Cat(sends ? "sending to " : "waiting for data from ", company_.Who(peer), ": nothing in ",
                                         Show(company_.timeout)));
  }
}

Status MpiBackend::SendTo(const PairPath& path, const void* data, std::size_t bytes) {
  EVERSTEP_ASSIGN(const MPI_Request out, Post(path.peer, path.test, true, const_cast<void*>(data), bytes));
  return WaitFor(out, path.peer, true);
}

Status MpiBackend::ReceiveFrom(const PairPath& path, void* data, std::size_t bytes) {
  EVERSTEP_ASSIGN(const MPI_Request in, Post(path.peer, path.test, false, data, bytes));
  return WaitFor(in, path.peer, false);
}

Status MpiBackend::SwapWith(const PairPath& path, const void* out, void* in, std::size_t bytes) {
  EVERSTEP_ASSIGN(const MPI_Request comes, Post(path.peer, path.test, false, in, bytes));
  EVERSTEP_TRY(SendTo(path, out, bytes));
  return WaitFor(comes, path.peer, false);
}

}  // namespace

Result<MpiPlace> StartMpi(const std::string& host, std::uint16_t port) {
  int provided = 0;
  if (const int error = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided); error != MPI_SUCCESS)
    return Fail(ErrorCode::kIo, Cat("MPI cannot start: ", TextOf(error)), "was this started by its mpirun?");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  int rank = 0, ranks = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  std::array<char, kHostMost + 8> where{};
  std::snprintf(where.data(), where.size(), "%u %s", unsigned{port}, host.c_str());
  if (const int error = MPI_Bcast(where.data(), static_cast<int>(where.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
      error != MPI_SUCCESS)
    return Fail(ErrorCode::kUnavailable, Cat("MPI cannot tell where rank 0 is: ", TextOf(error)));
  const std::string text = where.data();
  const std::size_t blank = text.find(' ');
  return MpiPlace{.rank = static_cast<std::uint32_t>(rank),
                  .ranks = static_cast<std::uint32_t>(ranks),
                  .host = text.substr(blank + 1),
                  .port = static_cast<std::uint16_t>(ParseUnsigned(text.substr(0, blank)).value_or(0))};
}

void EndMpi() { MPI_Finalize(); }

Result<std::unique_ptr<Backend>> OpenMpi(const Company& company, const std::vector<DataType>& types, Clock& clock) {
  for (const DataType type : types)
    if (!TypeOf(type))
      return Fail(ErrorCode::kInvalid, Cat(NcclName(type), " has no type in MPI"), "all but half and bfloat16 have one");
  return std::unique_ptr<Backend>(std::make_unique<MpiBackend>(company, clock));
}

}  // namespace everstep
