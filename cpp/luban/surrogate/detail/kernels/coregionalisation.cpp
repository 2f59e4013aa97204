#include <cmath>

#include <luban/surrogate/detail/kernels/kernels.hpp>

namespace luban::surrogate::detail {

namespace {

/// B(task, task′) = Σ_k w_k(task) w_k(task′) + [task = task′] own(task) over the categories of one input, all numbers
/// positive: what tasks share and what each has alone (intrinsic coregionalisation; Goovaerts 1997, Bonilla, Chai and
/// Williams 2008). The inner product of (w(task), √own(task) at the task's own place).
class Coregionalisation final : public Factor {
 public:
  Coregionalisation(const FactorSpec& spec, const features::EncodedVariable& input, Eigen::Index first_parameter)
      : Factor(first_parameter),
        tasks_(std::ssize(input.categories)),
        rank_(rank_of(spec, tasks_)),
        unit_(std::sqrt(static_cast<double>(tasks_ + rank_))) {
    for (const std::string& task : input.categories) {
      for (Eigen::Index k = 0; k < rank_; ++k) {
        add_hyperparameter("log_loading:" + spec.name + ":" + task + ":" + std::to_string(k), spec.length);
      }
    }
    for (const std::string& task : input.categories) add_hyperparameter("log_own:" + spec.name + ":" + task, spec.own);
  }

  [[nodiscard]] bool stationary() const noexcept override { return false; }
  [[nodiscard]] bool of_categories() const noexcept override { return true; }
  [[nodiscard]] bool moves_coordinates() const noexcept override { return true; }
  void profile(std::size_t /*count*/, double* /*r2*/, double* /*slope*/) const override {}

  [[nodiscard]] Eigen::MatrixXd coordinates(const Eigen::VectorXd& theta, const Points& points) const override {
    return points.one_hot * places(theta);
  }

  void add_gradient_of_coordinates(const Eigen::VectorXd& theta, const Points& points,
                                   const Eigen::MatrixXd& by_coordinates, Eigen::VectorXd& gradient) const override {
    const Eigen::MatrixXd by_place = (points.one_hot.transpose() * by_coordinates).cwiseProduct(places(theta));
    for (Eigen::Index task = 0; task < tasks_; ++task) {
      for (Eigen::Index k = 0; k < rank_; ++k) gradient(loading(task, k)) += by_place(task, k);
      gradient(own(task)) += 0.5 * by_place(task, rank_ + task);
    }
  }

 private:
  [[nodiscard]] Eigen::Index loading(Eigen::Index task, Eigen::Index k) const { return first() + task * rank_ + k; }
  [[nodiscard]] Eigen::Index own(Eigen::Index task) const { return first() + tasks_ * rank_ + task; }
  // (tasks, rank + tasks), with the number over which inner products are taken.
  [[nodiscard]] Eigen::MatrixXd places(const Eigen::VectorXd& theta) const {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(tasks_, rank_ + tasks_);
    for (Eigen::Index task = 0; task < tasks_; ++task) {
      for (Eigen::Index k = 0; k < rank_; ++k) out(task, k) = unit_ * std::exp(theta(loading(task, k)));
      out(task, rank_ + task) = unit_ * std::exp(0.5 * theta(own(task)));
    }
    return out;
  }

  Eigen::Index tasks_;
  Eigen::Index rank_;
  double unit_;
};

}  // namespace

std::unique_ptr<Factor> make_coregionalisation(const FactorSpec& spec, const features::Encoder& encoder,
                                               const InputLayout& layout, Eigen::Index first_parameter) {
  require_one_input(spec, layout.categorical(), "categorical");
  return std::make_unique<Coregionalisation>(
      spec, encoder.variables()[static_cast<std::size_t>(layout.categorical().front())], first_parameter);
}

}  // namespace luban::surrogate::detail
