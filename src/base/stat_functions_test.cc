#include "base/stat_functions.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace hoego {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// |got / want - 1|, and 0 when both are the same number.
double RelativeError(double got, double want) {
  return got == want ? 0 : std::fabs(got - want) / std::fabs(want);
}

#define EXPECT_RELATIVE(got, want, limit) \
  EXPECT_LE(RelativeError(got, want), limit) << (got) << " for " << (want)

// Expected values: mpmath at 60 digits, and scipy 1.17.1 for large parameters of the beta function
// and the binomial tests.

TEST(StatFunctionsTest, NormalCdfKeepsItsDigitsInBothTails) {
  constexpr double kCases[][2] = {{-30, 4.906713927148187e-198},
                                  {-20, 2.7536241186062337e-89},
                                  {-10, 7.619853024160525e-24},
                                  {-5, 2.866515718791939e-07},
                                  {-1.959963984540054, 0.025000000000000012},
                                  {-1, 0.15865525393145705},
                                  {-0.1, 0.460172162722971},
                                  {0, 0.5},
                                  {0.3, 0.6179114221889527},
                                  {1, 0.8413447460685429},
                                  {3, 0.9986501019683699},
                                  {6, 0.9999999990134123}};
  for (const auto& [x, want] : kCases) {
    EXPECT_RELATIVE(NormalCdf(x), want, 2e-13);
  }
}

TEST(StatFunctionsTest, NormalQuantileKeepsItsDigitsInBothTailsAndAtTheCentre) {
  constexpr double kCases[][2] = {
      {1e-300, -37.0470962993612},        {1e-100, -21.273453560965326},
      {1e-20, -9.262340089798407},        {1e-10, -6.361340902404057},
      {0.001, -3.0902323061678136},       {0.025, -1.9599639845400543},
      {0.2, -0.8416212335729142},         {0.24, -0.7063025628400875},
      {0.26, -0.643345405392917},         {0.4, -0.2533471031357997},
      {0.5000001, 2.506628273311648e-07}, {0.6, 0.2533471031357997},
      {0.75, 0.6744897501960817},         {0.9, 1.2815515655446006},
      {0.975, 1.9599639845400538},        {0.999999, 4.753424308817087}};
  for (const auto& [p, want] : kCases) {
    EXPECT_RELATIVE(NormalQuantile(p), want, 1e-13);
  }
  EXPECT_EQ(NormalQuantile(0.5), 0);
  EXPECT_EQ(NormalQuantile(0), -kInf);
  EXPECT_EQ(NormalQuantile(1), kInf);
  EXPECT_TRUE(std::isnan(NormalQuantile(1.1)));
  EXPECT_TRUE(std::isnan(NormalQuantile(std::nan(""))));
}

TEST(StatFunctionsTest, StudentTailsAgreeForSmallAndHugeDegreesOfFreedom) {
  constexpr double kCases[][3] = {{0.1, 1, 0.9365489651388929},
                                  {1, 1, 0.5},
                                  {12.706204736432095, 1, 0.0499999999989913},
                                  {10000000000.0, 1, 6.366197723675813e-11},
                                  {1e-05, 3, 0.9999926489480612},
                                  {2.5, 2.7, 0.09707941444293466},
                                  {2.5, 10, 0.031446844236608804},
                                  {40, 5, 1.8411962171772954e-07},
                                  {100, 30, 1.984611796727025e-39},
                                  {30, 1000, 1.5374687444043482e-141},
                                  {1.867, 5841.742, 0.06195163949145148},
                                  {5, 100000.0, 5.742701678641673e-07},
                                  {36, 100000.0, 5.411146600578607e-282},
                                  {0.01, 1000000.0, 0.9920212893655477},
                                  {2, 9900000.0, 0.04550029116452463},
                                  {2, 11000000.0, 0.04550028843770789},
                                  {8, 11000000.0, 1.2443115374420607e-15},
                                  {20, 1000000000.0, 5.507469631632795e-89},
                                  {1e-08, 4, 0.9999999925}};
  for (const auto& [t, df, want] : kCases) {
    EXPECT_RELATIVE(StudentTTwoSided(t, df), want, 1e-12) << t << " " << df;
    EXPECT_RELATIVE(StudentTCdf(-t, df), want / 2, 1e-12) << t << " " << df;
    EXPECT_RELATIVE(StudentTCdf(t, df), 1 - want / 2, 1e-12) << t << " " << df;
  }
  EXPECT_EQ(StudentTTwoSided(kInf, 3), 0);
  EXPECT_DOUBLE_EQ(StudentTTwoSided(2, kInf), 2 * NormalCdf(-2));
  EXPECT_TRUE(std::isnan(StudentTTwoSided(1, 0)));
}

TEST(StatFunctionsTest, StudentQuantilesAgreeWithTheirRootFoundAtManyDigits) {
  constexpr double kCases[][3] = {
      {0.975, 1, 12.706204736174694},         {0.975, 2, 4.302652729749462},
      {0.975, 5841.742, 1.9603701569567127},  {0.95, 29, 1.6991270265334972},
      {1e-10, 3, -2225.7692846830932},        {1e-50, 10, -256452.57187694774},
      {1e-300, 200, -439.0765265831534},      {0.55, 4, 0.1338303671119435},
      {0.5000001, 7, 2.5974602742784954e-07}, {0.2, 0.5, -2.5127179536659185},
      {0.975, 1000000.0, 1.9599663568141066}, {0.001, 20000000.0, -3.0902327136743133},
      {0.9, 300000000.0, 1.28155156836655},   {0.35, 12, -0.39468558076313043},
      {1e-30, 0.8, -7.336795389552275e+36},   {0.31, 3, -0.5510222606482958},
      {0.29, 3, -0.6185548206748354}};
  for (const auto& [p, df, want] : kCases) {
    EXPECT_RELATIVE(StudentTQuantile(p, df), want, 1e-12) << p << " " << df;
  }
  EXPECT_EQ(StudentTQuantile(0.5, 4), 0);
}

TEST(StatFunctionsTest, ChiSquareTailsAgreeFarOutAndForManyDegreesOfFreedom) {
  constexpr double kCases[][3] = {{6.9024, 1, 0.008608011641870295},
                                  {3.841458820694124, 1, 0.05000000000000006},
                                  {0.001, 1, 0.9747728793699604},
                                  {1e-12, 1, 0.9999992021154392},
                                  {700, 1, 2.9902269751246203e-154},
                                  {1400, 1, 2.1010145162642176e-306},
                                  {0.5, 2, 0.7788007830714049},
                                  {10, 5, 0.07523524614651218},
                                  {100, 100, 0.48119168452795674},
                                  {1300, 1000, 3.8897364994868526e-10},
                                  {2000, 1000, 4.1436785914549916e-69},
                                  {101000, 100000, 0.012868840377233669},
                                  {1005000.0, 1000000.0, 0.00020767800946703004},
                                  {250, 3, 6.543750030967994e-54},
                                  {60, 0.5, 1.9658221473570593e-15}};
  for (const auto& [x, df, want] : kCases) {
    EXPECT_RELATIVE(ChiSquareTail(x, df), want, 1e-12) << x << " " << df;
  }
}

TEST(StatFunctionsTest, IncompleteGammaAndBetaAgreeOverTheirRange) {
  constexpr double kGamma[][3] = {{0.1, 0.2, 0.12058037320994318},
                                  {0.1, 0.6, 0.04816785533009268},
                                  {0.3, 5, 0.0006513187507184515},
                                  {1, 1, 0.36787944117144233},
                                  {5, 3, 0.8152632445237721},
                                  {5, 20, 1.6944743930067385e-05},
                                  {50, 20, 0.9999999875410739},
                                  {50, 200, 1.6927979958857087e-37},
                                  {10000.0, 10000.0, 0.4986701916600448},
                                  {10000.0, 11000.0, 1.6928531496469328e-22},
                                  {0.5, 600, 6.0995688148084334e-263}};
  for (const auto& [a, x, want] : kGamma) {
    EXPECT_RELATIVE(RegularizedGammaQ(a, x), want, 1e-12) << a << " " << x;
  }
  constexpr double kBeta[][4] = {{0.5, 0.5, 0.3, 0.36901011956554536},
                                 {2, 3, 0.5, 0.6875},
                                 {2, 3, 0.999, 0.999999996003},
                                 {10, 0.1, 0.2, 1.6164524758653907e-09},
                                 {0.1, 10, 0.2, 0.9952541941596682},
                                 {100, 200, 0.2, 3.5460073665672474e-08},
                                 {1000, 2000, 0.25, 9.492341587058208e-25},
                                 {1000, 2000, 0.34, 0.7812150911606427},
                                 {1e5, 1e5, 0.49, 1.8571347290404196e-19},
                                 {1e5, 3e5, 0.2499, 0.44217240678383},
                                 {5, 1e6, 1e-6, 0.0036598851482650915},
                                 {1e6, 1e6, 0.5001, 0.611351282137678},
                                 {30, 30, 1e-9, 5.913228912291177e-254}};
  for (const auto& [a, b, x, want] : kBeta) {
    EXPECT_RELATIVE(RegularizedBeta(a, b, x), want, 1e-12) << a << " " << b << " " << x;
  }
}

TEST(StatFunctionsTest, BinomialTestsAgreeWithScipy) {
  struct Case {
    int64_t k;
    int64_t n;
    double p;
    double want;
  };
  constexpr Case kCases[] = {{4, 23, 0.5, 0.002599477767944336},
                             {10, 23, 0.5, 0.6776394844055176},
                             {0, 10, 0.1, 0.6125795109999999},
                             {10, 10, 0.9, 0.612579511},
                             {3, 100, 0.1, 0.017843766383309492},
                             {44700, 90189, 0.5, 0.008692234389090966},
                             {300, 1000, 0.25, 0.0003406294413669343},
                             {5, 10, 0.5, 1.0},
                             {1, 1000000, 1e-06, 1.0},
                             {20, 1000000, 1e-06, 1.5872554442153314e-19},
                             {7, 20, 0.0, 0.0},
                             {0, 20, 0.0, 1.0},
                             {1000, 200000, 0.01, 2.1906587891235757e-136}};
  for (const Case& c : kCases) {
    EXPECT_RELATIVE(BinomialTwoSided(c.k, c.n, c.p), c.want, 2e-12) << c.k << " of " << c.n;
  }
}

TEST(StatFunctionsTest, LogGammaAgrees) {
  constexpr double kCases[][2] = {{0.5, 0.5723649429247001}, {1e-05, 11.512919692895826},
                                  {3.7, 1.428072326665388},  {170.2, 702.4639526315308},
                                  {1e8, 1742068066.1038346}, {-0.5, 1.2655121234846454}};
  for (const auto& [x, want] : kCases) {
    EXPECT_RELATIVE(LogGamma(x), want, 1e-14);
  }
}

RC_GTEST_PROP(StatFunctionsTest, QuantileAndTailAreInverse, ()) {
  const double df = std::exp(*rc::gen::inRange(-100, 2000) / 100.0);  // 0.37 .. 4.9e8
  const double p = std::exp(-*rc::gen::inRange(1, 60000) / 100.0);    // down to 1e-260
  const double t = StudentTQuantile(p, df);
  if (std::isfinite(t)) {
    // A relative error e of t becomes an error of about t^2 e of a light tail.
    RC_ASSERT(RelativeError(StudentTCdf(t, df), p) < 1e-11);
  }
}

RC_GTEST_PROP(StatFunctionsTest, BinomialTailsAreSumsOfTheirOutcomes, ()) {
  const int64_t n = *rc::gen::inRange<int64_t>(1, 60);
  const int64_t k = *rc::gen::inRange<int64_t>(0, n + 1);
  const double p = *rc::gen::inRange(1, 1000) / 1000.0;
  double below = 0;
  double two_sided = 0;
  for (int64_t i = 0; i <= n; ++i) {
    const double pmf = BinomialPmf(i, n, p);
    below += i <= k ? pmf : 0;
    two_sided += pmf <= BinomialPmf(k, n, p) * (1 + 1e-7) ? pmf : 0;
  }
  RC_ASSERT(RelativeError(BinomialCdf(k, n, p), below) < 1e-11);
  RC_ASSERT(std::fabs(BinomialTwoSided(k, n, p) - two_sided) < 1e-11);
}

}  // namespace
}  // namespace hoego
