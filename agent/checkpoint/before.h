// What lay in a checkpoint directory before a generation started: recorded there while no rank of the job runs, read by the
// watch of that generation, on whatever host and in whatever life of the agent. Three things rest on it:
//
//   - Checkpoints that were there before the job's first generation belong to somebody else (an earlier run with other data):
//     they are never offered, moved or linked.
//   - A directory that holds files from before a generation beside files written in it is a mix of two, and never offered.
//   - A watch that finds the record of a higher generation is stale: it reports, pins and removes nothing any more.
//
// Thread: any; one writer a job. Cost: one lstat a file.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/checkpoint/survey.h"
#include "base/ids.h"
#include "base/job_spec.h"
#include "base/result.h"

namespace everstep {

struct Before {
  std::map<std::string, Survey> sources{};
  std::uint64_t pins = 0;  // the highest number of a pin that was there, of any job
};

struct BeforeRecords {
  std::optional<Before> generation{};  // nullopt: no record of this generation
  std::optional<Before> job{};         // nullopt: no record of the job's first start
};

// Records what is there now as "before gang.generation" and, for generation 1 or where there is none, as "before the job"; the
// records of the job's other generations go. Durable on return.
Status RecordBefore(const std::string& dir, const GangKey& gang, const CompleteWhen& when);

// A damaged record counts as none.
BeforeRecords ReadBefore(const std::string& dir, const GangKey& gang);

// Whether a generation of the job above `gang.generation` has been recorded.
bool Overtaken(const std::string& dir, const GangKey& gang);

}  // namespace everstep
