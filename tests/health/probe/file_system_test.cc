// Where files are: by the mount that they are on, and how far its server is.
#include "health/probe/file_system.h"

#include <gtest/gtest.h>

namespace everstep::health {
namespace {

struct Row {
  const char* type;
  const char* source;
  std::optional<double> rtt;
  const char* word;
};

TEST(Locality, IsToldByTheMountAndTheWayToItsServer) {
  for (const Row& row : std::initializer_list<Row>{{"ext4", "/dev/nvme1n1", {}, "local"},
                                                   {"lustre", "10.0.0.1@tcp:/fsx", {}, "parallel"},
                                                   {"gpfs", "fs1", {}, "parallel"},
                                                   {"tmpfs", "tmpfs", {}, "volatile"},
                                                   {"nfs4", "10.0.0.7:/data", 0.0003, "remote-lan"},
                                                   {"nfs4", "203.0.113.9:/data", 0.040, "remote-wan"},
                                                   {"nfs4", "10.0.0.7:/data", {}, "remote"},
                                                   {"fuse.fuse_dfs", "fuse_dfs", {}, "remote"},
                                                   {"fuse.s3fs", "s3fs", {}, "remote"},
                                                   {"fuse", "mountpoint-s3", {}, "remote"},
                                                   {"overlay", "overlay", {}, "unknown"},
                                                   {"autofs", "/etc/auto.misc", {}, "unknown"},
                                                   {"newfs", "x", {}, "unknown"}})
    EXPECT_EQ(LocalityOf({.type = row.type, .source = row.source}, row.rtt).word, row.word) << row.type << ' ' << row.source;
}

TEST(Locality, TheMountOfAPathIsTheLongestThatHoldsItAndTheLastOnOnePoint) {
  const auto mounts = ParseMounts(
      "22 1 259:1 / / rw - ext4 /dev/vda rw\n"
      "23 22 0:50 / /data rw - nfs4 a:/x rw,addr=10.0.0.7\n"
      "24 22 0:51 / /data rw shared:1 - nfs4 b:/x rw,addr=10.0.0.8\n"
      "25 22 0:52 / /my\\040data rw - xfs /dev/vdb rw\n"
      "garbage\n");
  ASSERT_EQ(mounts.size(), 4u);
  EXPECT_EQ(MountOf(mounts, "/data/set")->source, "b:/x");
  EXPECT_EQ(MountOf(mounts, "/database")->point, "/");
  EXPECT_EQ(MountOf(mounts, "/my data/x")->type, "xfs");
  EXPECT_EQ(MountOf({}, "/data"), nullptr);
}

TEST(Locality, TheServerIsTheAddressThatTheMountTells) {
  EXPECT_EQ(ServerOf({.source = "files:/x", .super = "rw,addr=10.0.0.7"}), "10.0.0.7");
  EXPECT_EQ(ServerOf({.source = "10.0.0.8:/x", .super = "rw"}), "10.0.0.8");
  EXPECT_EQ(ServerOf({.source = "//10.0.0.9/share", .super = "rw"}), "10.0.0.9");
  EXPECT_EQ(ServerOf({.source = "/dev/vda", .super = "rw"}), "");
}

}  // namespace
}  // namespace everstep::health
