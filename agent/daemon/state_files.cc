#include "agent/daemon/state_files.h"

#include <algorithm>
#include <utility>

#include "base/json/codec.h"
#include "base/text.h"

namespace everstep {

namespace {

// The file as a T; a default T when there is no file.
template <class T>
Result<T> ReadAs(Files& files, const std::string& path) {
  const Result<std::string> text = files.Read(path);
  if (!text && text.error().code == ErrorCode::kNotFound) return T{};
  if (!text) return Fail(text.error());
  Result<T> value = FromJson<T>(*text);
  if (!value)
    return Fail(ErrorCode::kCorrupt, Cat(path, ": ", value.error().message),
                "it is written whole or not at all, so something else wrote it: put it back, or remove it once no rank of an "
                "earlier job runs on this host");
  return value;
}

}  // namespace

Status StateFiles::Load() {
  EVERSTEP_TRY(files_.MakeDirectory(directory_));
  EVERSTEP_ASSIGN(memory_, ReadAs<AgentMemory>(files_, MemoryPath()));
  EVERSTEP_ASSIGN(cluster_, ReadAs<ClusterMemory>(files_, ClusterPath()));
  return {};
}

Status StateFiles::RememberNow(AgentMemory memory) {
  EVERSTEP_TRY(files_.Write(MemoryPath(), ToJson(memory)));
  memory_ = std::move(memory);
  return {};
}

std::uint64_t StateFiles::Remember(AgentMemory memory) {
  memory_ = std::move(memory);
  writer_.Write(MemoryPath(), ++writes_, ToJson(memory_));
  return writes_;
}

void StateFiles::Remember(ClusterMemory cluster) {
  cluster_ = std::move(cluster);
  writer_.Write(ClusterPath(), ++writes_, ToJson(cluster_));
}

void StateFiles::Heard(LogIndex index) { memory_.index = std::max(memory_.index, index); }

void StateFiles::Forgotten(const GangKey& gang) { memory_ = WithForgotten(std::move(memory_), gang); }

void StateFiles::Dropped(const GangKey& gang) { memory_ = WithoutGang(std::move(memory_), gang); }

}  // namespace everstep
