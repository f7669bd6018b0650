#include "base/job_spec.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

TEST(JobSpec, NamesOfSecretsAreSeen) {
  for (const char* name : {"WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY",
                           "HF_TOKEN",      "DB_PASSWORD",
                           "GITHUB_PAT",    "MY_PWD",
                           "DB_PASS",       "AUTH",
                           "TOKENS",        "KEYS",
                           "HFTOKEN",       "hf_token",
                           "ApiKey",        "OPENAI_APIKEYS",
                           "TOKEN2",        "SSH_KEY_1",
                           "MYSQL_PWD",     "PGPASSWORD",
                           "DBPASS",        "DOCKER_AUTH_CONFIG",
                           "CREDS",         "my-token",
                           "CLIENTSECRET",  "OAUTH2",
                           "db.password",   "ACCESS_TOKENS"})
    EXPECT_TRUE(LooksSecret(name)) << name;
}

TEST(JobSpec, HarmlessNamesAreNoFalseAlarm) {
  for (const char* name : {"PATH",
                           "PWD",
                           "OLDPWD",
                           "TOKENIZERS_PARALLELISM",
                           "TOKENIZER",
                           "KEYBOARD",
                           "KEYMAP",
                           "MONKEY",
                           "NCCL_DEBUG",
                           "NCCL_IB_PKEY",
                           "NCCL_SOCKET_IFNAME",
                           "UCX_IB_PKEY",
                           "XDG_RUNTIME_DIR",
                           "XDG_SESSION_ID",
                           "PASSES",
                           "AUTHOR",
                           "GIT_AUTHOR_NAME",
                           "XAUTHORITY",
                           "SSH_AUTH_SOCK",
                           "BYPASS",
                           "SSH_ASKPASS",
                           "COMPAT",
                           "MAX_TOKENS",
                           "MAX_NEW_TOKENS",
                           "TOKENS_PER_BATCH",
                           "PYTHONPATH",
                           "LD_LIBRARY_PATH",
                           "OMP_NUM_THREADS",
                           "MASTER_ADDR",
                           "CUDA_VISIBLE_DEVICES",
                           "COMPASS",
                           ""})
    EXPECT_FALSE(LooksSecret(name)) << name;
}

Status WithEnv(const std::string& name, const std::string& value) {
  return ValidateJob({.command = {"true"}, .workdir = "/", .env = {{name, value}}});
}

TEST(JobSpec, OnlyAPythonCanImportAhead) {
  JobSpec spec{.command = {"python3", "-u", "train.py"}, .workdir = "/srv"};
  spec.restart.warm = {"torch"};
  EXPECT_TRUE(ValidateJob(spec));
  spec.checkpoint = CheckpointSpec{.dir = "/ckpt", .isolate = Isolate::mount};
  ASSERT_FALSE(ValidateJob(spec));
  EXPECT_EQ(
      ValidateJob(spec).error().message,
      "restart.warm: found checkpoint.isolate: mount beside it, legal: one of the two: ranks that wait see the real directory");
  spec.checkpoint.reset();
  spec.command = {"./train.sh"};
  ASSERT_FALSE(ValidateJob(spec));
  EXPECT_EQ(
      ValidateJob(spec).error().message,
      "restart.warm: found a command that begins with \"./train.sh\", legal: with python3, then a script or -m and a module: "
      "only a Python can import ahead");
}

TEST(JobSpec, APasswordInAUrlIsRefusedUnderAnyName) {
  const Status refused = WithEnv("DATABASE_URL", "postgres://u:pw@db:5432/train");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "env.DATABASE_URL: the value holds a password (scheme://user:password@), and values in `env` are stored in the "
            "launcher's log");
  EXPECT_NE(refused.error().hint.find("env_from"), std::string::npos);
  for (const char* value : {"redis://:pw@cache", "a=1 https://u:p@w@host/x", "http://a,http://u:p@b", "s3+x2://u:p%2f@h"})
    EXPECT_FALSE(WithEnv("WHERE", value)) << value;
  for (const char* value : {"https://host:8080/path", "ssh://git@host/x", "http://h/a:b@c", "file:///a:b@c", "user:pw@host",
                            "http://u:@host", "://u:p@h", "/bin:/usr/bin"})
    EXPECT_TRUE(WithEnv("WHERE", value)) << value;
}

}  // namespace
}  // namespace everstep
