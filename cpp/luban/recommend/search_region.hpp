#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/features/encoder.hpp>
#include <luban/process/process.hpp>
#include <luban/process/run.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {
namespace detail {
class SignomialSet;
}

/// The values that a numeric parameter takes, where it does not take every one of its range.
struct Grid {
  std::string parameter;
  std::vector<double> values;  ///< at least one, finite, in the parameter's unit
};

/// The settings that may be proposed, in the coded inputs of a surrogate: parameters free within their ranges, linear
/// relations and signomials, context fixed. Rows x (p) hold every column of the encoder.
class LUBAN_RECOMMEND_EXPORT SearchRegion {
 public:
  /// @param encoder of the surrogate that will be searched: parameters and context, no noise variables.
  /// @param context one value per context variable.
  /// @param grids of numeric parameters; their values count instead of the range.
  /// @throws ConfigurationError when a context variable is missing or unknown (the nearest is named), a category was
  /// never stated, a grid is not one of a numeric parameter, or the encoder still has noise variables; InfeasibleError
  /// naming a smallest set of ranges and constraints that contradict each other.
  [[nodiscard]] static SearchRegion make(const features::Encoder& encoder, const process::SearchSpace& space,
                                         const std::vector<process::NamedValue>& context,
                                         const std::vector<Grid>& grids = {});

  [[nodiscard]] Eigen::Index p() const noexcept { return fixed_.size(); }
  [[nodiscard]] const features::Encoder& encoder() const noexcept { return encoder_; }
  /// Free continuous columns, free discrete columns (integer, on a grid, ordinal, categorical).
  [[nodiscard]] const std::vector<Eigen::Index>& continuous() const noexcept { return continuous_; }
  [[nodiscard]] const std::vector<Eigen::Index>& discrete() const noexcept { return discrete_; }
  [[nodiscard]] double low(Eigen::Index column) const { return low_(column); }
  [[nodiscard]] double high(Eigen::Index column) const { return high_(column); }
  [[nodiscard]] const Eigen::VectorXd& lows() const noexcept { return low_; }
  [[nodiscard]] const Eigen::VectorXd& highs() const noexcept { return high_; }
  /// Coded values that a discrete column may take, ascending.
  [[nodiscard]] const std::vector<double>& levels(Eigen::Index column) const { return levels_[column]; }
  /// Combinations of the discrete columns, at most `most` of them counted.
  [[nodiscard]] std::int64_t combination_count(std::int64_t most) const noexcept;
  /// Every combination as a region without discrete freedom, those without admissible settings left out.
  [[nodiscard]] std::vector<SearchRegion> combinations() const;

  /// Linear relations over the coded columns: rows a'x ≥ b, the first `equalities` of them with equality.
  [[nodiscard]] const Eigen::MatrixXd& relation_rows() const noexcept { return relations_; }
  [[nodiscard]] const Eigen::VectorXd& relation_bounds() const noexcept { return relation_bounds_; }
  [[nodiscard]] Eigen::Index equalities() const noexcept { return equalities_; }
  /// What relation row i says, e.g. "cutting_speed + 900 feed <= 480".
  [[nodiscard]] const std::string& relation_text(Eigen::Index row) const { return relation_texts_[row]; }

  /// The same region where these nonlinear relations hold too, which may leave nothing of it.
  /// @throws ConfigurationError when one names no numeric column.
  [[nodiscard]] SearchRegion with(const std::vector<process::SignomialConstraint>& signomials) const;
  /// Nonlinear relations over the coded columns; null without any.
  [[nodiscard]] const detail::SignomialSet* signomials() const noexcept { return signomials_.get(); }

  /// Whether every range, level and relation holds up to `slack` of the search range, nonlinear ones up to 1e-6 of
  /// their bound (of their terms where it is 0); context is not compared.
  [[nodiscard]] bool contains(const Eigen::VectorXd& x, double slack = 1e-9) const;
  /// Nearest admissible point with the discrete columns as they are, near it where relations are nonlinear; false when
  /// there is none, or none is found.
  [[nodiscard]] bool project(Eigen::VectorXd& x) const;
  /// The same; where nonlinear relations can only be kept so, numbers on levels move too. False when nothing was found;
  /// x is then where the least was broken.
  [[nodiscard]] bool settle(Eigen::VectorXd& x) const;
  /// count admissible points (count, p): scrambled Sobol where that is admissible, hit-and-run within thin regions.
  /// With signomials, points that were brought onto them; where none keeps them, those that break them least.
  [[nodiscard]] Eigen::MatrixXd sample(Eigen::Index count, core::RandomKey key) const;
  /// Ranges and relations that are tight at x, in words with units.
  [[nodiscard]] std::vector<std::string> active(const Eigen::VectorXd& x, double slack = 1e-6) const;
  /// The settings of a row as a recipe with units.
  [[nodiscard]] process::Recipe recipe(const Eigen::VectorXd& x) const;
  /// The row of a recipe in this region's context; the recipe may lie outside the region.
  /// @throws ConfigurationError when a parameter is missing or its category unknown.
  [[nodiscard]] Eigen::VectorXd encode(const process::Recipe& recipe) const;

 private:
  void set_context(const std::vector<process::NamedValue>& context);
  void set_parameter(Eigen::Index column, const process::Parameter& parameter, const Grid* grid);
  void add_relation(const process::ParameterConstraint& constraint);
  void throw_on_conflict() const;
  void fill_by_walking(Eigen::MatrixXd& rows, Eigen::Index from, core::RandomKey key) const;
  void restrict_to(Eigen::Index column, double value);
  [[nodiscard]] bool reachable() const;
  [[nodiscard]] Eigen::MatrixXd sample_signomials(Eigen::Index count, core::RandomKey key) const;

  features::Encoder encoder_;
  Eigen::VectorXd fixed_;  ///< (p) values of the columns that are not free
  Eigen::VectorXd low_;
  Eigen::VectorXd high_;
  std::vector<std::vector<double>> levels_;  ///< (p) empty for continuous and fixed columns
  std::vector<Eigen::Index> continuous_;
  std::vector<Eigen::Index> discrete_;
  std::vector<Eigen::Index> parameters_;    ///< columns of all parameters, in the search space's order
  std::vector<process::Parameter> ranges_;  ///< those parameters as the search space states them
  std::vector<std::string> within_moves_;   ///< names of those whose range is what one move reaches
  Eigen::MatrixXd relations_;
  Eigen::VectorXd relation_bounds_;
  Eigen::Index equalities_ = 0;
  std::vector<std::string> relation_texts_;
  std::shared_ptr<const detail::SignomialSet> signomials_;  ///< null without any
};

}  // namespace luban::recommend
