#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/conditioned.hpp>

namespace luban::surrogate::detail {

/// One response of a local Gaussian process: everything it was told, and answers from the nearest of it. Const and
/// thread-safe.
class LocalProcess {
 public:
  /// @param all every mean; its matrix is never made. @param neighbours at least 1
  LocalProcess(ModelSpec model, std::shared_ptr<const LogPosterior> all, Eigen::VectorXd theta,
               Eigen::Index neighbours);

  [[nodiscard]] const LogPosterior& all() const noexcept { return *all_; }
  [[nodiscard]] const Eigen::VectorXd& theta() const noexcept { return theta_; }
  [[nodiscard]] GaussianPosterior::Moments moments(const Eigen::MatrixXd& X, const PosteriorRequest& request) const;
  /// As Conditioned::average, of the answers at the levels.
  [[nodiscard]] GaussianPosterior::Moments average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request) const;
  /// Rows of the nearest means to one coded point (1, p), ascending.
  [[nodiscard]] std::vector<Eigen::Index> nearest(const Eigen::MatrixXd& x) const;
  /// The exact process of some rows at the hyperparameters of the whole.
  [[nodiscard]] std::shared_ptr<const Conditioned> of_rows(const std::vector<Eigen::Index>& rows) const;

 private:
  [[nodiscard]] GaussianPosterior::Moments averaged(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                    const PosteriorRequest& request) const;
  void add_joint(const Eigen::MatrixXd& X, const std::vector<std::vector<Eigen::Index>>& rows,
                 const std::vector<std::shared_ptr<const Conditioned>>& local, const PosteriorRequest& request,
                 GaussianPosterior::Moments& out) const;
  void add_noise_covariance(const std::vector<Eigen::Index>& rows, const std::vector<Eigen::Index>& columns,
                            Eigen::MatrixXd& to) const;

  ModelSpec model_;
  std::shared_ptr<const LogPosterior> all_;
  Eigen::VectorXd theta_;
  Eigen::Index neighbours_;
  std::vector<Eigen::Index> run_;  ///< of each row
  Covariance::Coordinates coordinates_;
  Eigen::VectorXd prior_;  ///< variance of each row
  Eigen::VectorXd shape_;  ///< of the noise of each row
};

}  // namespace luban::surrogate::detail
