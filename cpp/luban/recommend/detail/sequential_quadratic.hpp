#pragma once

#include <functional>

#include <Eigen/Core>

#include <luban/recommend/detail/quadratic_program.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

/// A smooth function to minimise with smooth constraints, the first `equalities` of them c(x) = 0, the others c(x) ≤ 0,
/// evaluated together.
struct SmoothValue {
  double value = 0.0;
  Eigen::VectorXd gradient;     ///< (d)
  Eigen::VectorXd constraints;  ///< (k)
  Eigen::MatrixXd jacobian;     ///< (k, d)
  Eigen::Index equalities = 0;
};
using SmoothFunction = std::function<SmoothValue(const Eigen::VectorXd&)>;

/// low ≤ x ≤ high and the rows; with no rows and no smooth constraints this is a bounded quasi-Newton search.
struct FeasibleSet {
  Eigen::VectorXd low;
  Eigen::VectorXd high;
  LinearRows rows;
};

struct SequentialOptions {
  int max_iterations = 60;             ///< 1 …; a smooth acquisition settles in 10 to 30
  double step_tolerance = 1e-7;        ///< largest coordinate of a step that ends the search, in search ranges
  double value_tolerance = 1e-10;      ///< predicted decrease, relative to 1 + |value|, that ends the search
  double constraint_tolerance = 1e-9;  ///< c(x), of equalities |c(x)|, up to this counts as kept
  /// (d) > 0, over which the function is expected to vary along each coordinate; empty = all alike. Only their ratios
  /// count, and only until enough has been seen.
  Eigen::VectorXd lengths = {};
};

struct SequentialResult {
  Eigen::VectorXd x;  ///< best point that keeps the constraints, else the one that breaks them least
  double value = 0.0;
  double violation = 0.0;  ///< largest c(x) above 0, of equalities |c(x)|
  int evaluations = 0;
};

/// Sequential quadratic programming with damped BFGS (Powell 1978) and an l1 merit function, as a conversation: whoever
/// drives it evaluates `point()` and tells the value, so that several searches can be evaluated together. Bounds and
/// rows hold at every point asked for, because each step solves them exactly and each point lies between two that keep
/// them.
class LUBAN_RECOMMEND_EXPORT SequentialSearch {
 public:
  /// @param start must keep bounds and rows.
  SequentialSearch(FeasibleSet set, Eigen::VectorXd start, SequentialOptions options = {});
  [[nodiscard]] bool done() const noexcept { return done_; }
  /// Where the function is wanted next.
  [[nodiscard]] const Eigen::VectorXd& point() const noexcept { return asked_; }
  /// The function there. @throws NumericalError from the quadratic subproblem.
  void tell(SmoothValue value);
  [[nodiscard]] const SequentialResult& result() const noexcept { return best_; }
  /// What the value would come to if the search still gained `hope` times what its step promises; minus infinity while
  /// little is known of the curvature or a constraint is broken.
  [[nodiscard]] double outlook(double hope) const noexcept;
  /// Goes on from where a finished search stands, to a smaller tolerance on the value.
  void tighten(double value_tolerance);

 private:
  /// Direction of one step with the multipliers of the smooth constraints.
  struct Step {
    Eigen::VectorXd direction;
    Eigen::VectorXd multipliers;  ///< of equalities of either sign
  };
  void remember(const SmoothValue& value);
  void begin_iteration();
  [[nodiscard]] LinearRows step_rows(const Eigen::VectorXd& x, const SmoothValue& now, bool elastic,
                                     bool x_is_inside = true) const;
  [[nodiscard]] Step quadratic_step() const;
  [[nodiscard]] Step elastic_step() const;
  [[nodiscard]] Eigen::VectorXd restored(const Eigen::VectorXd& x) const;
  void update(const Eigen::VectorXd& s, Eigen::VectorXd y);
  [[nodiscard]] Eigen::MatrixXd guessed_curvature(double size) const;

  FeasibleSet set_;
  SequentialOptions options_;
  Eigen::VectorXd row_tolerance_;  ///< what a row may be broken by: a hundred times its rounding
  Eigen::VectorXd shape_;          ///< (d) ratios of the curvatures that are expected, of geometric mean 1
  SequentialResult best_;
  bool done_ = false;
  Eigen::VectorXd asked_;
  Eigen::VectorXd x_;  ///< where the search stands; empty before the first value
  SmoothValue now_;
  Eigen::MatrixXd curvature_;
  bool scaled_ = false;  ///< whether the curvature has seen the function
  int iteration_ = 0;
  double penalty_ = 0.0;
  double still_violation_ = 0.0;
  Step step_;
  double decrease_ = 0.0;  ///< of the merit function, as the step predicts
  double length_ = 1.0;    ///< share of the step that is tried
  int trial_ = 0;
};

/// The same, driven by a function.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT SequentialResult minimise_sequential(const SmoothFunction& function,
                                                                          const FeasibleSet& set,
                                                                          const Eigen::VectorXd& start,
                                                                          const SequentialOptions& options = {});

}  // namespace luban::recommend::detail
