# 年度要求（9.4.1.2）：一年的结果与逐条说明。
annual-year = { $year } 年度
annual-certificate-year = 证书第 { $nth } 年
annual-met = 达标
annual-open = 尚未完成
annual-short = 未达标
annual-not-due = 无要求

annual-missing-hours = 还差 { $hours } 学时
annual-missing-activity = 尚未组织质量专业培训活动
annual-missing-activities = 还差 { $count } 次质量专业培训活动
annual-both = { $first }；{ $second }
annual-due = { $missing }；请在 { $day }前完成。
annual-over = { $missing }；本年度已结束。
annual-all-done = 本年度的学时和活动要求均已完成。
annual-nothing-due = 认定证书有效期不含本年度，没有要求。

annual-activity-done = 已组织质量专业培训活动 { $count } 次
annual-activity-open = 组织质量专业培训活动 { $count } / { $required } 次
annual-activity-not-due = 本年度不要求组织活动

annual-explained = 逐条说明
annual-explained-by = 依据规则版本 { $version }。右侧为规则项，可在规则文件中查到。
annual-clause-hours = 9.4.1.2：要求 { $required } 学时，计入 { $counted } 学时
annual-clause-activities = 9.4.1.2：要求组织活动 { $required } 次，计入 { $counted } 次
annual-carried = 上一年度结转 { $hours } 学时
annual-surplus = 超出要求 { $hours } 学时
annual-no-term = 尚未登记认定证书的有效期，按整年计算
annual-part = 认定证书在本年度覆盖 { $days }，要求按天数折算
annual-lost-outside = { $hours } 学时未计入：不在本年度的计算期间内
annual-lost-repeat = { $hours } 学时未计入：同一课程在本年度已经学完
annual-lost-exchange = { $hours } 学时未计入：超出学术交流每天的学时
annual-lost-publication = { $hours } 学时未计入：超出每篇成果的学时
annual-lost-daily = { $hours } 学时未计入：超出一天的上限
annual-lost-joint = { $hours } 学时未计入：学术交流与发表成果合计超出上限
annual-lacks-outside = 未计入：不在本年度的计算期间内
annual-lacks-attendees = 未计入：{ $found } 人参加，要求至少 { $needed } 人
annual-lacks-evidence = 未计入：没有证明材料
annual-lacks-confirmation = 未计入：认定主体尚未确认

annual-form-lecture = 培训讲座
annual-form-exchange = 学术交流
annual-form-publication = 发表专业成果
annual-form-online = 线上课程
annual-form-other = 其他
annual-form-activity = 质量专业培训活动
annual-attendees = { $count } 人参加

annual-column-days = 日期
annual-column-what = 内容
annual-column-hours = 学时
annual-column-state = 状态
annual-counted = 计入 { $hours }
annual-not-counted = 未计入
annual-on-chain = 已上链
annual-corrected = 已更正
annual-at = 存证编号 { $number }，{ $time }
annual-proof = 下载证明包
annual-no-entries = 这一年度还没有记录
annual-no-entries-text = 培训机构登记的学时上链后会显示在这里；在别处参加的培训可以自己申报。
annual-no-entries-others = 培训机构登记的学时和经审核的申报，上链后会显示在这里。
