// NCCL 2.14 and later and the CUDA runtime 11 to 13, as far as the probe needs them: own declarations of their C interfaces, so
// that every build has this back end. declarations_check.cc holds them against the real headers where those are.
#pragma once

#include <cstddef>

namespace everstep::nccl {

enum class Answer : int { success = 0, in_progress = 7 };  // any other number is an error
enum class Type : int { i8 = 0, u8 = 1, i32 = 2, u32 = 3, i64 = 4, u64 = 5, f16 = 6, f32 = 7, f64 = 8, bf16 = 9 };
enum class Operation : int { sum = 0, prod = 1, max = 2, min = 3, avg = 4 };

struct Communicator;  // ncclComm
struct UniqueId {
  char internal[128];
};

// The first members of ncclConfig_t, which stay; NCCL fills in the others by itself for who says to be of 2.14.
struct Config {
  std::size_t size = sizeof(Config);
  unsigned magic = 0xcafebeef;
  unsigned version = 21400;
  int blocking = 0;
};

using GetVersion = Answer (*)(int* version);
using GetUniqueId = Answer (*)(UniqueId* id);
using InitRank = Answer (*)(Communicator** made, int ranks, UniqueId id, int rank, Config* config);
using GetAsyncError = Answer (*)(Communicator* of, Answer* error);
using OfCommunicator = Answer (*)(Communicator* of);  // ncclCommAbort, ncclCommDestroy
using GetErrorString = const char* (*)(Answer answer);
using Group = Answer (*)();

}  // namespace everstep::nccl

namespace everstep::cuda {

enum class Answer : int { success = 0, not_ready = 600 };
enum class Copy : int { to_device = 1, to_host = 2 };

struct Stream;  // CUstream_st
struct Event;   // CUevent_st

using GetVersion = Answer (*)(int* version);
using GetDeviceCount = Answer (*)(int* count);
using SetDevice = Answer (*)(int device);
using GetPciBusId = Answer (*)(char* text, int size, int device);
using Allocate = Answer (*)(void** made, std::size_t bytes);
using Free = Answer (*)(void* memory);
using CopyAsync = Answer (*)(void* to, const void* from, std::size_t bytes, Copy direction, Stream* stream);
using CreateStream = Answer (*)(Stream** made);
using CreateEvent = Answer (*)(Event** made);
using RecordEvent = Answer (*)(Event* event, Stream* stream);
using QueryEvent = Answer (*)(Event* event);
using ElapsedTime = Answer (*)(float* milliseconds, Event* start, Event* end);
using GetErrorString = const char* (*)(Answer answer);

}  // namespace everstep::cuda

namespace everstep::nccl {

using AllReduce = Answer (*)(const void* from, void* to, std::size_t count, Type type, Operation operation, Communicator* among,
                             cuda::Stream* stream);  // ncclReduceScatter, too: count is a share
using AllGather = Answer (*)(const void* from, void* to, std::size_t count, Type type, Communicator* among,
                             cuda::Stream* stream);
using Send = Answer (*)(const void* from, std::size_t count, Type type, int peer, Communicator* among, cuda::Stream* stream);
using Receive = Answer (*)(void* to, std::size_t count, Type type, int peer, Communicator* among, cuda::Stream* stream);

}  // namespace everstep::nccl
