#include "agent/checkpoint/verify_resume.h"

#include <sys/stat.h>

#include <cerrno>

#include "agent/checkpoint/facts.h"
#include "base/text.h"

namespace everstep {

namespace {

NotReadied Refuse(std::string why) { return {.refusal = Refusal::checkpoint, .why = Clip(Printable(why), limit::kWhyBytes)}; }

// The first thing in which the file differs, or nothing.
std::string Difference(const CheckpointFile& found, const CheckpointFile& registered) {
  if (found.size != registered.size) return Cat("size ", found.size, " bytes, registered ", registered.size);
  if (found.inode != registered.inode)
    return Cat("inode ", found.inode, ", registered ", registered.inode, ": another file of that name");
  if (found.mtime_ns != registered.mtime_ns) return "written to since it was registered";
  if (found.digest != registered.digest) return "contents differ from those registered";
  return {};
}

}  // namespace

std::optional<NotReadied> VerifyResume(const CheckpointSeen& resume, const CheckpointSpec& checkpoint) {
  struct stat found {};
  if (::stat(checkpoint.dir.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return Refuse(Cat("checkpoint dir ", checkpoint.dir, " is not here: every host of the job must see it"));
    return Refuse(FailErrno(errno, "look at checkpoint dir", checkpoint.dir).value().message);
  }
  if (resume.files.empty()) return Refuse(Cat(resume.source, ": no files are registered"));
  for (const CheckpointFile& registered : resume.files) {
    const std::string label = PathIn(resume.source, registered.name);
    const Result<CheckpointFile> facts = FactsOf(resume.path, registered.name);
    if (!facts && facts.error().code == ErrorCode::kNotFound)
      return Refuse(Cat(label, ": ", PathIn(resume.path, registered.name), " is not here; is ", checkpoint.dir,
                        " the same directory on all hosts?"));
    if (!facts) return Refuse(Cat(label, ": ", facts.error().message));
    if (const std::string difference = Difference(*facts, registered); !difference.empty())
      return Refuse(Cat(label, ": ", difference));
  }
  return std::nullopt;
}

}  // namespace everstep
