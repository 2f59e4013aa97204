#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/box_decomposition.hpp>
#include <luban/recommend/hypervolume.hpp>
#include <luban/recommend/non_dominated.hpp>

#include "front_points.hpp"

namespace luban::recommend {
namespace {

int boxes_with(const BoxDecomposition& boxes, const Eigen::RowVectorXd& point) {
  int count = 0;
  for (Eigen::Index b = 0; b < boxes.size(); ++b) {
    count +=
        (point.array() > boxes.lower().row(b).array()).all() && (point.array() < boxes.upper().row(b).array()).all();
  }
  return count;
}

bool disjoint(const BoxDecomposition& boxes) {
  for (Eigen::Index a = 0; a < boxes.size(); ++a) {
    for (Eigen::Index b = 0; b < a; ++b) {
      const auto low = boxes.lower().row(a).cwiseMax(boxes.lower().row(b));
      const auto high = boxes.upper().row(a).cwiseMin(boxes.upper().row(b));
      if ((low.array() < high.array()).all()) return false;
    }
  }
  return true;
}

/// Rows in the order of words.
Eigen::MatrixXd sorted(const Eigen::MatrixXd& rows) {
  std::vector<std::vector<double>> words;
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    words.emplace_back();
    for (Eigen::Index j = 0; j < rows.cols(); ++j) words.back().push_back(rows(i, j));
  }
  std::sort(words.begin(), words.end());
  Eigen::MatrixXd result(rows.rows(), rows.cols());
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    for (Eigen::Index j = 0; j < rows.cols(); ++j) result(i, j) = words[i][j];
  }
  return result;
}

class Random : public testing::TestWithParam<int> {
 protected:
  struct Case {
    Eigen::MatrixXd points;
    Eigen::VectorXd reference;
    double top;
  };
  Case draw(int round) {
    const auto m = static_cast<Eigen::Index>(GetParam());
    const int levels = round % 2 == 0 ? 0 : 5;
    const auto n = static_cast<Eigen::Index>(generator_.below(14));
    return {random_points(n, m, levels, generator_), Eigen::VectorXd::Constant(m, levels > 0 ? 0.5 : 0.15),
            levels > 0 ? 5.0 : 1.1};
  }
  core::Generator generator_{7};
};

TEST_P(Random, point_is_dominated_or_in_exactly_one_box) {
  for (int round = 0; round < 120; ++round) {
    const Case drawn = draw(round);
    const BoxDecomposition boxes(drawn.reference, drawn.points);
    ASSERT_TRUE(disjoint(boxes)) << drawn.points;
    for (int k = 0; k < 200; ++k) {
      Eigen::RowVectorXd point(drawn.reference.size());
      for (double& value : point) value = drawn.top * generator_.uniform();
      const bool counts = (point.transpose().array() > drawn.reference.array()).all();
      const int expected = counts && !dominated_by_any(point, drawn.points) ? 1 : 0;
      ASSERT_EQ(boxes_with(boxes, point), expected) << drawn.points << "\nat " << point;
    }
  }
}

TEST_P(Random, hypervolume_is_what_the_boxes_leave) {
  for (int round = 0; round < 120; ++round) {
    const Case drawn = draw(round);
    const BoxDecomposition boxes(drawn.reference, drawn.points);
    const Eigen::RowVectorXd top = Eigen::RowVectorXd::Constant(drawn.reference.size(), drawn.top);
    double left = (top.transpose() - drawn.reference).prod();
    for (Eigen::Index b = 0; b < boxes.size(); ++b) {
      left -= (boxes.upper().row(b).cwiseMin(top) - boxes.lower().row(b)).cwiseMax(0.0).prod();
    }
    const double expected = hypervolume(drawn.points, drawn.reference);
    ASSERT_NEAR(left, expected, 1e-9 * (1 + expected)) << drawn.points;
    ASSERT_NEAR(boxes.hypervolume(), expected, 1e-9 * (1 + expected)) << drawn.points;
  }
}

TEST_P(Random, points_one_by_one_and_in_any_order_give_the_same_boxes) {
  for (int round = 0; round < 60; ++round) {
    const Case drawn = draw(2 * round);  // with ties the cut depends on the order, as it may
    const BoxDecomposition at_once(drawn.reference, drawn.points);
    BoxDecomposition by_one(drawn.reference);
    for (Eigen::Index i = drawn.points.rows(); i-- > 0;) by_one.add(drawn.points.row(i));
    ASSERT_EQ(sorted(at_once.lower()), sorted(by_one.lower()));
    ASSERT_EQ(sorted(at_once.upper()), sorted(by_one.upper()));
    ASSERT_EQ(sorted(at_once.front()), sorted(by_one.front()));
  }
}

TEST_P(Random, front_is_what_is_above_the_reference_and_undominated) {
  for (int round = 0; round < 120; ++round) {
    const Case drawn = draw(round);
    std::vector<Eigen::Index> above;
    for (Eigen::Index i = 0; i < drawn.points.rows(); ++i) {
      const bool new_one = !dominated_by_any(drawn.points.row(i), drawn.points.topRows(i));
      if (new_one && (drawn.points.row(i).transpose().array() > drawn.reference.array()).all()) above.push_back(i);
    }
    const Eigen::MatrixXd kept = drawn.points(above, Eigen::all);
    const Eigen::MatrixXd expected = kept(non_dominated(kept), Eigen::all);
    ASSERT_EQ(BoxDecomposition(drawn.reference, drawn.points).front(), expected) << drawn.points;
  }
}

INSTANTIATE_TEST_SUITE_P(BoxDecomposition, Random, testing::Values(1, 2, 3, 4));

/// Points on a sphere, none of which dominates another.
Eigen::MatrixXd sphere(Eigen::Index n, Eigen::Index m) {
  core::Generator generator(5);
  Eigen::MatrixXd points(n, m);
  for (double& value : points.reshaped()) value = std::abs(generator.normal());
  points.rowwise().normalize();
  return points;
}

TEST(BoxDecomposition, number_of_boxes_is_as_documented) {
  EXPECT_EQ(BoxDecomposition(Eigen::VectorXd::Zero(1), sphere(1, 1)).size(), 1);
  EXPECT_EQ(BoxDecomposition(Eigen::VectorXd::Zero(2), sphere(50, 2)).size(), 51);
  EXPECT_LE(BoxDecomposition(Eigen::VectorXd::Zero(3), sphere(50, 3)).size(), 101);
  EXPECT_LE(BoxDecomposition(Eigen::VectorXd::Zero(4), sphere(50, 4)).size(), 50 * 50);
}

TEST(BoxDecomposition, begins_with_everything_above_the_reference) {
  const BoxDecomposition boxes(Eigen::Vector2d(1.0, -2.0));
  ASSERT_EQ(boxes.size(), 1);
  EXPECT_EQ(boxes.lower().row(0), Eigen::RowVector2d(1.0, -2.0));
  EXPECT_EQ(boxes.upper()(0, 1), std::numeric_limits<double>::infinity());
  EXPECT_EQ(boxes.hypervolume(), 0.0);
  EXPECT_EQ(boxes.front().rows(), 0);
}

TEST(BoxDecomposition, refuses_what_does_not_fit) {
  EXPECT_THROW(BoxDecomposition(Eigen::VectorXd(0)), core::ConfigurationError);
  EXPECT_THROW(BoxDecomposition(Eigen::VectorXd::Zero(5)), core::ConfigurationError);
  EXPECT_THROW(BoxDecomposition(Eigen::VectorXd::Constant(2, std::numeric_limits<double>::quiet_NaN())),
               core::ConfigurationError);
  BoxDecomposition boxes(Eigen::VectorXd::Zero(2));
  EXPECT_THROW(boxes.add(Eigen::MatrixXd::Ones(1, 3)), core::DataError);
  EXPECT_THROW(boxes.add(Eigen::MatrixXd::Constant(1, 2, std::numeric_limits<double>::infinity())), core::DataError);
}

}  // namespace
}  // namespace luban::recommend
