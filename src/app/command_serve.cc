// hoego serve, and waiting for SIGTERM.
#include <csignal>
#include <cstdio>
#include <thread>

#include "app/commands.h"
#include "app/instance.h"
#include "app/listen_address.h"
#include "app/signals.h"
#include "base/log.h"

namespace hoego::app {

namespace {

Status CheckSupported(const ServeArgs& args) {
  const std::vector<std::pair<std::string_view, const std::string*>> later = {{"--model-repository", &args.model_repository},
                                                                              {"--tokens", &args.tokens},
                                                                              {"--tls-cert", &args.tls_cert},
                                                                              {"--tls-key", &args.tls_key}};
  for (const auto& [name, value] : later) {
    if (!value->empty()) {
      return Status::Unimplemented(fmt::format("{} is not supported yet", name));
    }
  }
  HOEGO_TRY(CheckListenAddress("--http", args.http));
  return args.grpc == "none" ? Status{} : CheckListenAddress("--grpc", args.grpc);
}

}  // namespace

int RunServe(const Common& common, const ServeArgs& args) {
  const SignalWaiter signals;  // before any thread: all inherit the blocked set
  if (const Status status = CheckSupported(args); !status.ok()) {
    return status.code() == Code::kFailedPrecondition ? Fail(common, status) : WrongUse(common, status);
  }
  auto settings = ReadSettings(common);
  if (!settings.ok()) {
    return WrongUse(common, settings.status());
  }
  InstanceOptions options;
  options.program = common.program;
  options.folder = common.data;
  auto instance = Instance::Open(options, *settings);
  if (!instance.ok()) {
    return Fail(common, instance.status());
  }
  auto address = (*instance)->Listen(args.http);
  if (!address.ok()) {
    return Fail(common, address.status());
  }
  std::printf("ready http=%s grpc=none\n", address->c_str());
  std::fflush(stdout);
  signals.Wait();
  Log(LogLevel::kInfo, "app", "draining");
  (*instance)->Shutdown();
  return kDone;
}

}  // namespace hoego::app
