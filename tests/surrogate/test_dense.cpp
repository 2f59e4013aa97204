#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Cholesky>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/factorisation.hpp>

namespace luban::surrogate::detail {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

MatrixXd random(Index rows, Index columns, std::uint64_t seed) {
  core::Generator generator(seed);
  MatrixXd out(rows, columns);
  for (Index j = 0; j < columns; ++j) {
    for (Index i = 0; i < rows; ++i) out(i, j) = generator.normal();
  }
  return out;
}

MatrixXd covariance(Index n, std::uint64_t seed) {
  const MatrixXd a = random(n, n, seed);
  return a * a.transpose() / static_cast<double>(n) + MatrixXd::Identity(n, n);
}

class Sizes : public testing::TestWithParam<int> {};

TEST_P(Sizes, products_equal_eigens) {
  const Index n = GetParam();
  const MatrixXd a = random(n, n + 3, 1);
  const MatrixXd b = random(n + 3, n + 7, 2);
  const MatrixXd expected = a * b;
  const double tolerance = 1e-13 * static_cast<double>(n + 3);
  EXPECT_LT((product(a, Transpose::no, b, Transpose::no) - expected).cwiseAbs().maxCoeff(), tolerance);
  EXPECT_LT((product(a.transpose(), Transpose::yes, b, Transpose::no) - expected).cwiseAbs().maxCoeff(), tolerance);
  EXPECT_LT((product(a, Transpose::no, b.transpose(), Transpose::yes) - expected).cwiseAbs().maxCoeff(), tolerance);
  MatrixXd larger = MatrixXd::Ones(n + 2, n + 9);
  add_product(-2.0, a, Transpose::no, b, Transpose::no, larger.block(1, 1, n, n + 7));
  EXPECT_LT((larger.block(1, 1, n, n + 7) - (MatrixXd::Ones(n, n + 7) - 2.0 * expected)).cwiseAbs().maxCoeff(),
            2.0 * tolerance);
  EXPECT_EQ(larger.col(0), MatrixXd::Ones(n + 2, 1));
  EXPECT_EQ(larger.row(n + 1), MatrixXd::Ones(1, n + 9));
}

TEST_P(Sizes, cholesky_inverse_and_solve_equal_eigens) {
  const Index n = GetParam();
  const MatrixXd a = covariance(n, 3);
  MatrixXd lower = a;
  ASSERT_TRUE(cholesky_lower(lower));
  lower.triangularView<Eigen::StrictlyUpper>().setZero();
  EXPECT_LT((lower * lower.transpose() - a).cwiseAbs().maxCoeff(), 1e-13 * static_cast<double>(n));
  const MatrixXd inverse = inverse_from_cholesky(lower);
  EXPECT_LT((inverse * a - MatrixXd::Identity(n, n)).cwiseAbs().maxCoeff(), 1e-12 * static_cast<double>(n));
  EXPECT_EQ(inverse, inverse.transpose());
  MatrixXd x = random(5, n, 4);
  const MatrixXd right = x;
  solve_right_transposed(lower, x);
  EXPECT_LT((x * lower.transpose() - right).cwiseAbs().maxCoeff(), 1e-13 * static_cast<double>(n));
  MatrixXd square = self_product_lower(lower);
  mirror_lower(square);
  EXPECT_LT((square - a).cwiseAbs().maxCoeff(), 1e-13 * static_cast<double>(n));
}

INSTANTIATE_TEST_SUITE_P(dense, Sizes, testing::Values(1, 2, 7, 31, 64, 65, 100, 129, 204, 300, 447, 448, 517, 1030));

TEST(dense, threads_change_no_bit) {
  for (const Index n : {300, 700, 1030}) {
    const MatrixXd a = covariance(n, 6);
    const auto inverse_with = [&](int threads) {
      MatrixXd out;
      parallel::with_threads(threads, [&] {
        MatrixXd lower = a;
        ASSERT_TRUE(cholesky_lower(lower));
        out = inverse_from_cholesky(lower);
      });
      return out;
    };
    EXPECT_EQ(inverse_with(1), inverse_with(4)) << n;
  }
}

TEST(dense, an_indefinite_matrix_is_refused) {
  for (const Index n : {3, 64, 150, 500, 700}) {
    MatrixXd a = covariance(n, 5);
    a(n - 1, n - 1) = -1.0;
    EXPECT_FALSE(cholesky_lower(a));
    MatrixXd middle = covariance(n, 5);
    middle(n / 3, n / 3) = -1.0;
    parallel::with_threads(3, [&] { EXPECT_FALSE(cholesky_lower(middle)); });
    MatrixXd b = MatrixXd::Constant(n, n, std::numeric_limits<double>::quiet_NaN());
    EXPECT_FALSE(cholesky_lower(b));
  }
}

TEST(dense, is_reentrant) {
  constexpr int threads = 4;
  std::atomic<int> different{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      const MatrixXd a = covariance(90, static_cast<std::uint64_t>(t));
      const auto invert = [&] {
        MatrixXd lower = a;
        if (!cholesky_lower(lower)) ++different;
        return inverse_from_cholesky(lower);
      };
      const MatrixXd expected = invert();
      for (int i = 0; i < 300; ++i) different += invert() == expected ? 0 : 1;
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(different, 0);
}

TEST(factorisation, a_good_matrix_needs_no_jitter) {
  const MatrixXd a = covariance(40, 6);
  const Factorisation factor = factorise(a, "test");
  EXPECT_EQ(factor.jitter, 0.0);
  EXPECT_FALSE(factor.degraded);
  EXPECT_LT((factor.lower * factor.lower.transpose() - a).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(factorisation, climbs_the_ladder_for_a_singular_matrix) {
  const MatrixXd a = random(30, 3, 7);
  const Factorisation factor = factorise(a * a.transpose(), "test");
  EXPECT_GT(factor.jitter, 0.0);
  EXPECT_LE(factor.jitter, 1e-6);
  EXPECT_FALSE(factor.degraded);
}

TEST(factorisation, clamps_and_says_so_when_the_ladder_ends) {
  MatrixXd a = covariance(20, 8);
  a -= 2.0 * a.diagonal().minCoeff() * MatrixXd::Identity(20, 20) * 0.5;
  const Factorisation factor = factorise(a, "test");
  EXPECT_TRUE(factor.degraded);
  EXPECT_TRUE(factor.lower.allFinite());
  EXPECT_GT(factor.lower.diagonal().minCoeff(), 0.0);
}

TEST(factorisation, refuses_what_is_not_finite) {
  MatrixXd a = covariance(5, 9);
  a(4, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(static_cast<void>(factorise(a, "test")), core::NumericalError);
}

}  // namespace
}  // namespace luban::surrogate::detail
