#include "abtest/sufficient.h"

#include <bit>
#include <cmath>

#include "abtest/internal/bytes.h"
#include "base/check.h"

namespace hoego::abtest {
namespace {

constexpr uint32_t kMostAdditions = 1U << 30;  // each adds less than 2^32 to a limb of 63 bits

}  // namespace

void ExactSum::Add(double x) {
  if (x == 0) {
    return;
  }
  HOEGO_CHECK(std::isfinite(x));
  const auto bits = std::bit_cast<uint64_t>(x);
  const auto biased = static_cast<int>(bits >> 52 & 0x7ff);
  uint64_t mantissa = bits & ((uint64_t{1} << 52) - 1);
  mantissa |= biased == 0 ? 0 : uint64_t{1} << 52;
  const int exponent = (biased == 0 ? 1 : biased) - 1075;  // of the mantissa's lowest bit
  const auto place = static_cast<unsigned>(exponent + kBias);
  const unsigned limb = place / 32;
  const unsigned shift = place % 32;
  // 53 bits shifted by up to 31: three limbs.
  const uint64_t low = (mantissa & 0xffffffffU) << shift;
  const uint64_t high = (mantissa >> 32) << shift;
  const auto part0 = static_cast<int64_t>(low & 0xffffffffU);
  const auto part1 = static_cast<int64_t>((low >> 32) + (high & 0xffffffffU));
  const auto part2 = static_cast<int64_t>(high >> 32);
  const int64_t sign = bits >> 63 != 0 ? -1 : 1;
  limbs_[limb] += sign * part0;
  limbs_[limb + 1] += sign * part1;
  limbs_[limb + 2] += sign * part2;
  if (++additions_ >= kMostAdditions) {
    Carry();
  }
}

void ExactSum::AddProduct(double a, double b) {
  const double product = a * b;
  Add(product);
  Add(std::fma(a, b, -product));  // what rounding took away; itself exact
}

void ExactSum::Carry() {
  for (size_t i = 0; i + 1 < kLimbs; ++i) {
    const int64_t carry = limbs_[i] >> 32;  // floor, so that what stays is 0..2^32-1
    limbs_[i] -= carry * (int64_t{1} << 32);
    limbs_[i + 1] += carry;
  }
  additions_ = 0;
}

void ExactSum::Merge(const ExactSum& other) {
  ExactSum theirs = other;
  theirs.Carry();
  Carry();
  for (size_t i = 0; i < kLimbs; ++i) {
    limbs_[i] += theirs.limbs_[i];
  }
  additions_ = 1;
}

double ExactSum::value() const {
  ExactSum work = *this;
  work.Carry();
  const bool negative = work.limbs_[kLimbs - 1] < 0;
  if (negative) {
    for (int64_t& limb : work.limbs_) {
      limb = -limb;
    }
    work.Carry();
  }
  int top = kLimbs - 1;
  while (top >= 0 && work.limbs_[static_cast<size_t>(top)] == 0) {
    --top;
  }
  if (top < 0) {
    return 0;
  }
  const auto at = [&](int i) {
    return i < 0 ? uint64_t{0} : static_cast<uint64_t>(work.limbs_[static_cast<size_t>(i)]);
  };
  // The 64 bits from the highest set bit on, and whether anything is below them.
  const int zeros = std::countl_zero(static_cast<uint32_t>(at(top)));
  uint64_t window = at(top) << 32 | at(top - 1);
  bool sticky = false;
  if (zeros > 0) {
    window = window << zeros | at(top - 2) >> (32 - zeros);
    sticky = (at(top - 2) << zeros & 0xffffffffU) != 0;
  } else {
    sticky = at(top - 2) != 0;
  }
  for (int i = top - 3; i >= 0 && !sticky; --i) {
    sticky = at(i) != 0;
  }
  const int exponent = (top - 1) * 32 - kBias - zeros;  // of the window's lowest bit
  // Round to 53 bits, to fewer among the subnormal numbers.
  const int drop = std::max(11, -1074 - exponent);
  if (drop >= 64) {
    return negative ? -0.0
                    : 0.0;  // below half of the smallest number only by a product's dropped part
  }
  const uint64_t rest = window & ((uint64_t{1} << drop) - 1);
  const uint64_t half = uint64_t{1} << (drop - 1);
  uint64_t mantissa = window >> drop;
  if (rest > half || (rest == half && (sticky || (mantissa & 1) != 0))) {
    ++mantissa;
  }
  const double magnitude = std::ldexp(static_cast<double>(mantissa), exponent + drop);
  return negative ? -magnitude : magnitude;
}

bool ExactSum::operator==(const ExactSum& other) const {
  ExactSum a = *this;
  ExactSum b = other;
  a.Carry();
  b.Carry();
  return a.limbs_ == b.limbs_;
}

void ExactSum::AppendTo(std::string& out) const {
  ExactSum work = *this;
  work.Carry();
  uint64_t count = 0;
  for (const int64_t limb : work.limbs_) {
    count += limb != 0 ? 1 : 0;
  }
  out.push_back(static_cast<char>(count));
  for (size_t i = 0; i < kLimbs; ++i) {
    if (work.limbs_[i] != 0) {
      out.push_back(static_cast<char>(i));
      internal::AppendNumber(out, work.limbs_[i]);
    }
  }
}

Status ExactSum::ReadFrom(std::string_view& in) {
  *this = ExactSum();
  internal::ByteReader reader(in);
  const auto count = reader.Number<uint8_t>();
  for (unsigned i = 0; i < count; ++i) {
    const auto place = reader.Number<uint8_t>();
    const auto limb = reader.Number<int64_t>();
    if (place >= kLimbs) {
      return Status::DataLoss("a sum has a limb beyond the last");
    }
    limbs_[place] = limb;
  }
  in = reader.rest();
  return reader.status();
}

void ArmSums::Add(double y, double x) {
  ++units_;
  y_.Add(y);
  yy_.AddProduct(y, y);
  x_.Add(x);
  xx_.AddProduct(x, x);
  xy_.AddProduct(x, y);
}

void ArmSums::Remove(double y, double x) {
  --units_;
  y_.Subtract(y);
  yy_.SubtractProduct(y, y);
  x_.Subtract(x);
  xx_.SubtractProduct(x, x);
  xy_.SubtractProduct(x, y);
}

void ArmSums::Merge(const ArmSums& other) {
  units_ += other.units_;
  y_.Merge(other.y_);
  yy_.Merge(other.yy_);
  x_.Merge(other.x_);
  xx_.Merge(other.xx_);
  xy_.Merge(other.xy_);
}

Moments ArmSums::moments() const {
  Moments m;
  m.n = static_cast<double>(units_);
  m.sum = y_.value();
  m.sum_squares = yy_.value();
  m.denominator_sum = x_.value();
  m.denominator_sum_squares = xx_.value();
  m.cross_sum = xy_.value();
  return m;
}

void ArmSums::AppendTo(std::string& out) const {
  internal::AppendNumber(out, units_);
  for (const ExactSum* sum : {&y_, &yy_, &x_, &xx_, &xy_}) {
    sum->AppendTo(out);
  }
}

Status ArmSums::ReadFrom(std::string_view& in) {
  internal::ByteReader reader(in);
  units_ = reader.Number<uint64_t>();
  in = reader.rest();
  HOEGO_TRY(reader.status());
  for (ExactSum* sum : {&y_, &yy_, &x_, &xx_, &xy_}) {
    HOEGO_TRY(sum->ReadFrom(in));
  }
  return {};
}

}  // namespace hoego::abtest
