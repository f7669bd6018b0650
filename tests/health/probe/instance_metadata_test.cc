// The kind of host as EC2's instance metadata tells it, played by a server on loopback; and what is said where it does not.
#include "health/probe/instance_metadata.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/real/fd.h"
#include "base/text.h"
#include "health/scan/command.h"
#include "health/scan/scan.h"
#include "tests/health/probe/tree.h"

namespace everstep::health {
namespace {

std::string Http(const std::string& status, const std::string& body) {
  return Cat("HTTP/1.1 ", status, "\r\nServer: EC2ws\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

// Gives each connection the next answer, and keeps what it was asked. "endless": bytes until nobody takes them; "": none, until
// the other end hangs up.
class Metadata {
 public:
  explicit Metadata(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof here;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&here), sizeof here), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&here), &length), 0);
    address = Cat("127.0.0.1:", ntohs(here.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~Metadata() { Stop(); }

  // What was asked, a request a connection.
  const std::vector<std::string>& Stop() {
    ::shutdown(listener_.get(), SHUT_RDWR);  // wakes accept()
    if (thread_.joinable()) thread_.join();
    return asked_;
  }

  std::string address{};

 private:
  void Serve() {
    for (const std::string& answer : answers_) {
      const Fd one(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!one.open()) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(one.get(), buffer, sizeof buffer, 0);
        if (got <= 0) break;
        request.append(buffer, static_cast<std::size_t>(got));
      }
      asked_.push_back(request);
      const std::string endless(4096, 'x'), &said = answer == "endless" ? endless : answer;
      const std::string head = answer == "endless" ? "HTTP/1.1 200 OK\r\n\r\n" : "";
      ssize_t sent = ::send(one.get(), head.data(), head.size(), MSG_NOSIGNAL);
      do sent = ::send(one.get(), said.data(), said.size(), MSG_NOSIGNAL);
      while (answer == "endless" && sent > 0);
      while (answer.empty() && ::recv(one.get(), buffer, sizeof buffer, 0) > 0) continue;
    }
  }

  std::vector<std::string> answers_;
  std::vector<std::string> asked_{};
  Fd listener_{};
  std::thread thread_{};
};

std::string WhyNot(std::vector<std::string> answers, Duration patience = 10s) {
  Metadata server(std::move(answers));
  const auto type = InstanceType(server.address, patience);
  if (type) return "it was taken: " + *type;
  const std::string prefix = Cat("instance metadata at ", server.address, ' ');
  EXPECT_TRUE(type.error().message.starts_with(prefix)) << type.error().message;
  return type.error().message.substr(prefix.size());
}

TEST(InstanceMetadata, ATokenIsAskedForFirstAndGoesIntoTheQuestionForTheType) {
  Metadata server({Http("200 OK", "AQAE-token=="), Http("200 OK", "p5.48xlarge")});
  const auto type = InstanceType(server.address, 10s);
  ASSERT_TRUE(type) << type.error().message;
  EXPECT_EQ(*type, "p5.48xlarge");
  const auto& asked = server.Stop();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_TRUE(asked[0].starts_with("PUT /latest/api/token HTTP/1.1\r\n")) << asked[0];
  EXPECT_NE(asked[0].find("\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n"), std::string::npos) << asked[0];
  EXPECT_TRUE(asked[1].starts_with("GET /latest/meta-data/instance-type HTTP/1.1\r\n")) << asked[1];
  EXPECT_NE(asked[1].find("\r\nX-aws-ec2-metadata-token: AQAE-token==\r\n"), std::string::npos) << asked[1];
}

TEST(InstanceMetadata, WhatAnswersBadlyIsToldWithWhatItSaid) {
  const std::string token = Http("200 OK", "t");
  EXPECT_EQ(WhyNot({Http("403 Forbidden", "")}), "answered 403 Forbidden");
  EXPECT_EQ(WhyNot({token, Http("404 Not Found", "<html>")}), "answered 404 Not Found");
  EXPECT_EQ(WhyNot({"SSH-2.0-OpenSSH_9.2\r\n"}), "answered with no HTTP: \"SSH-2.0-OpenSSH_9.2\"");
  EXPECT_EQ(WhyNot({Http("200 OK", "two\r\nlines: x")}), "gave a token that is none");
  EXPECT_EQ(WhyNot({token, Http("200 OK", "<html>login</html>")}),
            "calls the instance \"<html>login</html>\", which is no instance type");
  EXPECT_EQ(WhyNot({token, "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\np5.48"}), "hung up in the middle of its answer");
}

TEST(InstanceMetadata, WhoDoesNotAnswerOrNeverEndsIsLeft) {
  EXPECT_EQ(WhyNot({""}, 50ms), "gave no whole answer in time");
  EXPECT_EQ(WhyNot({Http("200 OK", "t"), ""}, 200ms), "gave no whole answer in time");
  EXPECT_EQ(WhyNot({"endless"}), "answered with more than 16384 bytes");
  std::string closed;
  {
    Metadata gone({});
    closed = gone.address;
  }
  EXPECT_EQ(InstanceType(closed, 10s).error().message,
            Cat("instance metadata at ", closed, " cannot be reached: Connection refused"));
}

TEST(InstanceMetadata, ABodyWithoutALengthEndsWithItsConnection) {
  EXPECT_EQ(*HttpBody("HTTP/1.0 200 OK\r\n\r\np5.48", false), std::nullopt);
  EXPECT_EQ(*HttpBody("HTTP/1.0 200 OK\r\n\r\np5.48xlarge", true), "p5.48xlarge");
  EXPECT_EQ(*HttpBody("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\np5.48xlarge", false), "p5");
  EXPECT_EQ(*HttpBody("HT", false), std::nullopt);
  EXPECT_EQ(HttpBody("", true).error().message, "hung up without an answer");
}

constexpr const char* kEc2 = "== /sys/class/dmi/id/sys_vendor\nAmazon EC2\n== /sys/class/dmi/id/product_name\np4d.24xlarge\n";

std::string Why(const ScanOptions& options) {
  const auto chosen = ProfileOf(options, *LoadCatalogue(""));
  return chosen ? chosen->why : chosen.error().message;
}

TEST(InstanceMetadata, ItGoesBeforeDmiAndDmiBeforeNothing) {
  const Tree ec2(kEc2);
  {
    Metadata server({Http("200 OK", "t"), Http("200 OK", "p5.48xlarge")});
    EXPECT_EQ(Why({.root = ec2.root(), .metadata = server.address}), "profile p5: instance metadata says p5.48xlarge");
  }
  Metadata broken({Http("404 Not Found", "")});
  EXPECT_EQ(Why({.root = ec2.root(), .metadata = broken.address}),
            Cat("profile p4d: DMI says p4d.24xlarge; instance metadata at ", broken.address, " answered 404 Not Found"));
}

TEST(InstanceMetadata, WhereNeitherKnowsTheKindBothAreSaid) {
  const Tree nothing("== /proc/uptime\n1 1\n");
  Metadata broken({Http("404 Not Found", "")});
  EXPECT_EQ(Why({.root = nothing.root(), .metadata = broken.address}),
            Cat("nothing says what kind of host this is: taken as a host without accelerators, so that nothing is known of how "
                "much there should be; instance metadata at ",
                broken.address, " answered 404 Not Found"));
}

TEST(InstanceMetadata, AHostIsEc2sWhereDmiSaysSo) {
  const Tree nitro(kEc2), xen("== /sys/class/dmi/id/bios_version\n4.11.amazon\n"),
      other("== /sys/class/dmi/id/sys_vendor\nLENOVO\n== /sys/class/dmi/id/bios_version\n1.2\n");
  EXPECT_TRUE(IsEc2(Root(nitro.root())));
  EXPECT_TRUE(IsEc2(Root(xen.root())));
  EXPECT_FALSE(IsEc2(Root(other.root())));
}

TEST(InstanceMetadata, AFlagNamesTheAddressOrForbidsToAsk) {
  const auto taken = [](const char* value) {
    const char* flags[] = {"scan", "--metadata", value};
    const auto command = ScanCommandFrom(3, flags);
    return command ? command->options.metadata : command.error().Str();
  };
  EXPECT_EQ(taken("10.0.0.1:8080"), "10.0.0.1:8080");
  EXPECT_EQ(taken("on"), "169.254.169.254:80");
  EXPECT_EQ(taken("off"), "off");
  EXPECT_EQ(
      taken("localhost:80"),
      "--metadata: found the metadata address localhost:80, legal: IPv4 and port, such as 169.254.169.254:80; or on, or off");
}

}  // namespace
}  // namespace everstep::health
