#include "proto/rpc/credentials.h"

#include "base/text.h"

namespace everstep {

Result<std::string> CheckPlainText(std::string_view doing, const HostPort& address, bool insecure) {
  if (IsLoopback(address)) return std::string();
  if (insecure)
    return Cat("insecure: plain text without authentication to ", doing, ' ', address,
               ": whoever reaches that network can start programs on these hosts and read what they say");
  return Fail(ErrorCode::kInvalid,
              Cat("will not ", doing, ' ', address,
                  ": this version has no encryption or authentication yet, and that is not a loopback address"),
              "use 127.0.0.1, or --insecure on a network where everybody is trusted");
}

std::shared_ptr<grpc::ServerCredentials> CredentialsToServe() { return grpc::InsecureServerCredentials(); }
std::shared_ptr<grpc::ChannelCredentials> CredentialsToCall() { return grpc::InsecureChannelCredentials(); }

}  // namespace everstep
