#include "agent/checkpoint/facts.h"

#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "agent/checkpoint/input_file.h"

namespace everstep {

namespace {

constexpr std::uint64_t kEndBytes = 64u << 10;

Result<std::string> DigestOf(const InputFile& file) {
  const std::uint64_t head = std::min(file.size(), kEndBytes);
  const std::uint64_t tail = std::min(file.size() - head, kEndBytes);
  EVERSTEP_ASSIGN(const std::string first, file.ReadAt(0, static_cast<std::size_t>(head)));
  EVERSTEP_ASSIGN(const std::string last, file.ReadAt(file.size() - tail, static_cast<std::size_t>(tail)));
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(), XXH3_freeState);
  if (!state) return Fail(ErrorCode::kExhausted, "no memory for a digest");
  XXH3_128bits_reset(state.get());
  XXH3_128bits_update(state.get(), first.data(), first.size());
  XXH3_128bits_update(state.get(), last.data(), last.size());
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  char hex[33];
  std::snprintf(hex, sizeof hex, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return std::string(hex);
}

}  // namespace

Result<CheckpointFile> FactsOf(const std::string& root, const std::string& name) {
  EVERSTEP_ASSIGN(const InputFile file, InputFile::Open(PathIn(root, name)));
  EVERSTEP_ASSIGN(std::string digest, DigestOf(file));
  struct stat found {};
  if (::fstat(file.fd(), &found) != 0) return FailErrno(errno, "look at", file.path());
  return CheckpointFile{.name = name,
                        .size = static_cast<std::uint64_t>(found.st_size),
                        .inode = found.st_ino,
                        .mtime_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec,
                        .digest = std::move(digest)};
}

Result<std::vector<CheckpointFile>> FactsOf(const std::string& root, const Survey& survey) {
  std::vector<CheckpointFile> facts;
  facts.reserve(survey.files.size());
  for (const SurveyFile& file : survey.files) {
    EVERSTEP_ASSIGN(CheckpointFile fact, FactsOf(root, file.name));
    facts.push_back(std::move(fact));
  }
  return facts;
}

}  // namespace everstep
