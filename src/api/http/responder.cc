#include "api/http/responder.h"

#include <utility>

#include "api/http/internal/answer_sink.h"
#include "base/check.h"

namespace hoego::http {
namespace {

class FunctionSink final : public internal::AnswerSink {
 public:
  explicit FunctionSink(std::function<void(Response)> take) : take_(std::move(take)) {}
  void Answer(internal::Exchange*, Response response) override { take_(std::move(response)); }
  std::shared_ptr<EventStream> Stream(internal::Exchange*) override {
    take_(Problem(Status::Unimplemented("an event stream needs a connection")));
    return nullptr;
  }
  bool gone() const override { return false; }

 private:
  std::function<void(Response)> take_;
};

}  // namespace

Responder::Responder(std::shared_ptr<internal::AnswerSink> sink, internal::Exchange* exchange)
    : sink_(std::move(sink)), exchange_(exchange) {}

Responder Responder::To(std::function<void(Response)> take) {
  return {std::make_shared<FunctionSink>(std::move(take)), nullptr};
}

Responder::Responder(Responder&& other) noexcept = default;

Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(sink_, other.sink_);
  std::swap(exchange_, other.exchange_);
  return *this;
}

Responder::~Responder() {
  if (sink_ != nullptr) {
    Send(Problem(Status::Internal("the request was dropped without an answer")));
  }
}

void Responder::Send(Response response) {
  HOEGO_CHECK(sink_ != nullptr);
  const std::shared_ptr<internal::AnswerSink> sink = std::move(sink_);
  sink->Answer(exchange_, std::move(response));
}

std::shared_ptr<EventStream> Responder::StartEventStream() {
  HOEGO_CHECK(sink_ != nullptr);
  const std::shared_ptr<internal::AnswerSink> sink = std::move(sink_);
  return sink->Stream(exchange_);
}

bool Responder::cancelled() const {
  return sink_ != nullptr && sink_->gone();
}

}  // namespace hoego::http
