// Where Everstep keeps its own things in a job's checkpoint directory. All of it lies under DIR/.everstep, on the same file
// system as the checkpoints, so that files can be linked and renamed.
//
//   pins/<generation>-<source>[.n]/  one pinned checkpoint: the source under its own name, and .everstep-pin (pin.h)
//   aside/<generation>/<source>      torn leftovers that were moved out of the script's sight before that generation (aside.h)
//   before/<job>.<generation>        what lay in DIR before that generation started; <job>.first: before the job (before.h)
//   id                               names this directory (directory_id.h)
//   generations/<job>.<generation>/  isolate: mount: what the ranks of that generation see as DIR (own_directory.h)
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace everstep {

inline std::string OwnDirectory(const std::string& dir) { return dir + "/.everstep"; }
inline std::string PinsDirectory(const std::string& dir) { return OwnDirectory(dir) + "/pins"; }
inline std::string AsideDirectory(const std::string& dir, Generation g) { return OwnDirectory(dir) + "/aside/" + g.Str(); }
inline std::string BeforeDirectory(const std::string& dir) { return OwnDirectory(dir) + "/before"; }

// "a/b/c": "c" and "a/b/"; "c": "c" and "".
inline std::string_view LastPart(std::string_view path) { return path.substr(path.find_last_of('/') + 1); }
inline std::string DirectoryPart(const std::string& path) { return path.substr(0, path.find_last_of('/') + 1); }

inline std::string GenerationDirectory(const std::string& dir, const GangKey& gang) {
  return OwnDirectory(dir) + "/generations/" + gang.Str();
}

// With parents; mode 0777 less the umask, as the script's own directories have: ranks may run as another user.
Status MakeDirectories(const std::string& path);
Status SyncDirectory(const std::string& path);
// A new file with these bytes, durable; replaces what has that name.
Status WriteDurably(const std::string& path, const std::string& bytes);

}  // namespace everstep
