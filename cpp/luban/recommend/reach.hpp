#pragma once

#include <set>
#include <vector>

#include <Eigen/Core>

#include <luban/process/envelope.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/search_region.hpp>

namespace luban::recommend {

/// How far a model's knowledge reaches, by coded settings: the Mahalanobis ellipsoid that holds a stated share of the
/// left-out groups, and the combinations of categories that occurred.
class LUBAN_RECOMMEND_EXPORT Reach {
 public:
  static constexpr double usual = 0.99;  ///< share of left-out groups that counts as covered

  /// @param quantile among the envelope's levels (0.5 … 0.999), linear between them.
  /// @throws ConfigurationError on another quantile, or an envelope of variables that the region does not have.
  Reach(const process::TrainingEnvelope& envelope, const SearchRegion& region, double quantile = usual);

  /// (q) d²/limit² − 1, ≤ 0 inside, for rows X (q, p). Where this context has combinations that occurred, the others
  /// get 2 more.
  [[nodiscard]] Eigen::VectorXd excess(const Eigen::MatrixXd& X) const;
  /// (q, p) derivative of the excess by the coded inputs; 0 for categories.
  [[nodiscard]] Eigen::MatrixXd gradient(const Eigen::MatrixXd& X) const;
  /// Distance from the training data, as the envelope measures it.
  [[nodiscard]] double distance(const Eigen::VectorXd& x) const;
  [[nodiscard]] bool new_combination(const Eigen::VectorXd& x) const;
  /// Near enough, and its categories occurred together.
  [[nodiscard]] bool covers(const Eigen::VectorXd& x) const;

 private:
  [[nodiscard]] std::vector<double> codes(const Eigen::VectorXd& x) const;

  Eigen::VectorXd centre_;     ///< (p) 0 where a column does not count
  Eigen::MatrixXd precision_;  ///< (p, p) inverse covariance of the coded columns; 0 where one does not count
  double limit_ = 0.0;
  std::vector<Eigen::Index> named_;  ///< categorical columns, in the envelope's order
  std::set<std::vector<double>> combinations_;
  bool known_here_ = false;  ///< some combination of this context occurred
};

}  // namespace luban::recommend
