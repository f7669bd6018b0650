// A look-alike of libnccl.so.2 among processes of one machine: the data pass through shared memory whose name is the unique id.
// The environment says what goes wrong, FAKE_NCCL=FAULT:RANK:
//
//   init_hang    that rank never connects
//   init_error   its connecting fails
//   async_error  its first collective never ends, and the communicator reports an error
//   stuck        its first collective never ends, and nothing is reported
//   wrong_data   one bit of each of its results is turned
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "collectives/nccl/declarations.h"
#include "fake_stream.h"

namespace everstep::nccl {
namespace {

constexpr std::size_t kSlot = 1 << 20, kRanksMax = 8;
constexpr auto kSystemError = static_cast<Answer>(2), kInvalidArgument = static_cast<Answer>(4),
               kRemoteError = static_cast<Answer>(6);

struct Shared {
  std::atomic<std::uint64_t> joined, arrived, left;
  std::byte slots[kRanksMax][kSlot];
};

bool Faulty(const char* fault, int rank) {
  const char* given = std::getenv("FAKE_NCCL");
  return given != nullptr && given == std::string(fault) + ":" + std::to_string(rank);
}

std::size_t SizeOf(Type type) {
  switch (type) {
    case Type::i8:
    case Type::u8: return 1;
    case Type::f16:
    case Type::bf16: return 2;
    case Type::f64:
    case Type::i64:
    case Type::u64: return 8;
    default: return 4;
  }
}

// Warm-up rounds reduce whatever lies there: a GPU's integers wrap around, and a product in an int would overflow.
template <class T>
T Of(T a, T b, Operation operation) {
  const auto wraps = [](auto x) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<std::uint64_t>(x);
    else
      return x;
  };
  switch (operation) {
    case Operation::prod: return static_cast<T>(wraps(a) * wraps(b));
    case Operation::max: return std::max(a, b);
    case Operation::min: return std::min(a, b);
    default: return static_cast<T>(wraps(a) + wraps(b));
  }
}

// The slots of all ranks as NCCL takes an average: integers are divided at the end, others multiplied before.
template <class T>
void ReduceSlots(const std::byte* const* slots, int ranks, void* to, std::size_t count, Operation operation) {
  const bool multiplies = operation == Operation::avg && !std::is_integral_v<T>;
  const auto value = [&](int rank, std::size_t i) {
    T one;
    std::memcpy(&one, slots[rank] + i * sizeof(T), sizeof(T));
    return multiplies ? static_cast<T>(one * static_cast<T>(1.0 / ranks)) : one;
  };
  for (std::size_t i = 0; i < count; ++i) {
    T result = value(0, i);
    for (int rank = 1; rank < ranks; ++rank) result = Of(result, value(rank, i), operation);
    if (operation == Operation::avg && !multiplies) result = static_cast<T>(result / static_cast<T>(ranks));
    std::memcpy(static_cast<std::byte*>(to) + i * sizeof(T), &result, sizeof(T));
  }
}

void ReduceSlots(Type type, const std::byte* const* slots, int ranks, void* to, std::size_t count, Operation operation) {
  switch (type) {
    case Type::f32: return ReduceSlots<float>(slots, ranks, to, count, operation);
    case Type::f64: return ReduceSlots<double>(slots, ranks, to, count, operation);
    case Type::i8: return ReduceSlots<std::int8_t>(slots, ranks, to, count, operation);
    case Type::u8: return ReduceSlots<std::uint8_t>(slots, ranks, to, count, operation);
    case Type::i32: return ReduceSlots<std::int32_t>(slots, ranks, to, count, operation);
    case Type::u32: return ReduceSlots<std::uint32_t>(slots, ranks, to, count, operation);
    case Type::i64: return ReduceSlots<std::int64_t>(slots, ranks, to, count, operation);
    case Type::u64: return ReduceSlots<std::uint64_t>(slots, ranks, to, count, operation);
    case Type::f16:
    case Type::bf16: return;  // refused
  }
}

struct Message {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::size_t bytes = 0;
};

}  // namespace

struct Communicator {
  Shared* shared = nullptr;
  std::string name{};
  int rank = 0, ranks = 1;
  bool hangs = false, connected = false;
  Answer state = Answer::in_progress;
  std::uint64_t operations = 0;
  std::vector<Message> sends{}, receives{};
  cuda::Stream* stream = nullptr;

  void Join() {
    if (hangs || connected || shared->joined.load() < static_cast<std::uint64_t>(ranks)) return;
    connected = true;
    state = Answer::success;
    if (rank == 0) ::shm_unlink(name.c_str());
  }

  // Gives `bytes` to all once the last operation is over, then takes when all have given.
  Answer Enqueue(cuda::Stream* on, std::function<void(std::byte* slot)> give, std::function<void(Shared& all)> take,
                 void* result) {
    const bool breaks = Faulty("async_error", rank), never = breaks || Faulty("stuck", rank);
    const auto n = static_cast<std::uint64_t>(ranks), number = ++operations;
    on->steps.emplace_back([=, this, gave = false]() mutable {
      if (breaks) state = kRemoteError;
      if (never || shared->left.load() < n * (number - 1)) return false;
      if (!gave) {
        give(shared->slots[rank]);
        shared->arrived.fetch_add(1);
        gave = true;
      }
      if (shared->arrived.load() < n * number) return false;
      take(*shared);
      if (Faulty("wrong_data", rank)) *static_cast<std::byte*>(result) ^= std::byte{1};
      shared->left.fetch_add(1);
      return true;
    });
    return Answer::in_progress;  // as a communicator that does not block may say
  }
};

namespace {

// Of all slots from `first` on.
void Reduce(Shared& all, int ranks, std::size_t first, void* to, std::size_t count, Type type, Operation operation) {
  std::array<const std::byte*, kRanksMax> slots{};
  for (std::size_t rank = 0; rank < kRanksMax; ++rank) slots[rank] = all.slots[rank] + first;
  ReduceSlots(type, slots.data(), ranks, to, count, operation);
}

bool Fits(const Communicator& among, std::size_t bytes, Type type) {
  return bytes <= kSlot && among.state == Answer::success && type != Type::f16 && type != Type::bf16;
}

}  // namespace

extern "C" {

Answer ncclGetVersion(int* version) {
  *version = 22809;
  return Answer::success;
}
Answer ncclGetUniqueId(UniqueId* id) {
  std::snprintf(id->internal, sizeof id->internal, "/everstep-fake-nccl-%d", static_cast<int>(::getpid()));
  return Answer::success;
}
Answer ncclCommInitRankConfig(Communicator** made, int ranks, UniqueId id, int rank, Config* config) {
  if (config->blocking != 0 || config->magic != 0xcafebeef || ranks > static_cast<int>(kRanksMax)) return kInvalidArgument;
  const int fd = ::shm_open(id.internal, O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Shared)) != 0) return kSystemError;
  auto* one = cuda::Kept(new Communicator);
  one->shared = static_cast<Shared*>(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  ::close(fd);
  one->name = id.internal;
  one->rank = rank;
  one->ranks = ranks;
  one->hangs = Faulty("init_hang", rank);
  if (Faulty("init_error", rank))
    one->state = kSystemError;
  else if (!one->hangs)
    one->shared->joined.fetch_add(1);
  *made = one;
  return Answer::in_progress;
}
Answer ncclCommGetAsyncError(Communicator* of, Answer* error) {
  if (of->state == Answer::in_progress) of->Join();
  *error = of->state;
  return Answer::success;
}
Answer ncclCommAbort(Communicator* of) {
  ::shm_unlink(of->name.c_str());
  return Answer::success;
}
Answer ncclCommDestroy(Communicator*) { return Answer::success; }
const char* ncclGetErrorString(Answer answer) {
  return answer == kRemoteError   ? "remote process exited or there was a network error"
         : answer == kSystemError ? "unhandled system error"
                                  : "invalid argument";
}
Answer ncclGroupStart() { return Answer::success; }

Answer ncclAllReduce(const void* from, void* to, std::size_t count, Type type, Operation operation, Communicator* among,
                     cuda::Stream* stream) {
  const std::size_t bytes = count * SizeOf(type);
  if (!Fits(*among, bytes, type)) return kInvalidArgument;
  return among->Enqueue(
      stream, [=](std::byte* slot) { std::memcpy(slot, from, bytes); },
      [=](Shared& all) { Reduce(all, among->ranks, 0, to, count, type, operation); }, to);
}
Answer ncclReduceScatter(const void* from, void* to, std::size_t count, Type type, Operation operation, Communicator* among,
                         cuda::Stream* stream) {
  const std::size_t bytes = count * SizeOf(type);
  if (!Fits(*among, bytes * static_cast<std::size_t>(among->ranks), type)) return kInvalidArgument;
  return among->Enqueue(
      stream, [=](std::byte* slot) { std::memcpy(slot, from, bytes * static_cast<std::size_t>(among->ranks)); },
      [=](Shared& all) {
        Reduce(all, among->ranks, bytes * static_cast<std::size_t>(among->rank), to, count, type, operation);
      },
      to);
}
Answer ncclAllGather(const void* from, void* to, std::size_t count, Type type, Communicator* among, cuda::Stream* stream) {
  const std::size_t bytes = count * SizeOf(type);
  if (!Fits(*among, bytes, type)) return kInvalidArgument;
  return among->Enqueue(
      stream, [=](std::byte* slot) { std::memcpy(slot, from, bytes); },
      [=](Shared& all) {
        for (int rank = 0; rank < among->ranks; ++rank)
          std::memcpy(static_cast<std::byte*>(to) + bytes * static_cast<std::size_t>(rank), all.slots[rank], bytes);
      },
      to);
}
Answer ncclSend(const void* from, std::size_t count, Type type, int, Communicator* among, cuda::Stream* stream) {
  among->stream = stream;
  among->sends.push_back({static_cast<const std::byte*>(from), nullptr, count * SizeOf(type)});
  return Answer::success;
}
Answer ncclRecv(void* to, std::size_t count, Type type, int, Communicator* among, cuda::Stream*) {
  among->receives.push_back({nullptr, static_cast<std::byte*>(to), count * SizeOf(type)});
  // The last of a group that is an all-to-all: here begins what NCCL begins at its end.
  if (among->receives.size() < static_cast<std::size_t>(among->ranks)) return Answer::success;
  const auto sends = std::move(among->sends), receives = std::move(among->receives);
  among->sends.clear();
  among->receives.clear();
  const std::size_t bytes = count * SizeOf(type);
  const auto own = static_cast<std::size_t>(among->rank);
  if (!Fits(*among, bytes * receives.size(), type)) return kInvalidArgument;
  return among->Enqueue(
      among->stream,
      [=](std::byte* slot) {
        for (std::size_t i = 0; i < sends.size(); ++i) std::memcpy(slot + i * bytes, sends[i].from, bytes);
      },
      [=](Shared& all) {
        for (std::size_t i = 0; i < receives.size(); ++i) std::memcpy(receives[i].to, all.slots[i] + own * bytes, bytes);
      },
      to);
}
Answer ncclGroupEnd() { return Answer::in_progress; }

}  // extern "C"

}  // namespace everstep::nccl
