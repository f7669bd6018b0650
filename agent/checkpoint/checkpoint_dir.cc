#include "agent/checkpoint/checkpoint_dir.h"

#include <unistd.h>

#include "agent/checkpoint/layout.h"
#include "base/text.h"

namespace everstep {

Status CheckpointDirUsable(const std::string& dir, const GangKey& gang) {
  const std::string probe = Cat(OwnDirectory(dir), "/.probe-", gang);
  Status usable = MakeDirectories(OwnDirectory(dir));
  if (usable) usable = WriteDurably(probe, std::string(4096, 'x'));
  ::unlink(probe.c_str());
  if (usable) return {};
  return Fail(usable.error().code,
              Cat("checkpoint dir ", dir, " cannot be written by uid ", ::geteuid(), ": ", usable.error().message));
}

}  // namespace everstep
