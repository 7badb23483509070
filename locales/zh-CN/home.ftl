# 待办。
home-title = 待办事项
home-nothing = 没有待办事项
home-nothing-text = 需要您处理的事项会出现在这里。
home-since = 最早一项自 { $moment } 起等待处理
home-not-built = 认定评审流程（申请、形式审查、面试答辩、评分、认定报告）尚未建成，目前没有需要专家处理的事项。
home-watches = 您的身份可以查看，不能修改。请从上方导航进入。
home-requirement = { $missing }，请在 { $day }（含当日）之前完成（还有 { $days } 天）
home-requirement-certificate = { $missing }，认定证书有效期于 { $day }届满，请在该日（含当日）之前完成（还有 { $days } 天）
home-terms = { $count } 名首席质量官尚未登记认定证书有效期
home-cases = { $count } 件投诉或异议等待答复
home-activities = { $count } 次质量专业培训活动等待确认
home-invitations = { $count } 个账号已邀请，尚未启用
home-employees = { $count } 名首席质量官尚未完成本年度要求
home-returned = { $count } 份学时申报被退回，请修改后重新提交
home-claims = { $count } 份学时申报等待审核
