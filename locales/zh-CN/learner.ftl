# 学员的主页与记录。
learner-home-lead = { $name }，{ $employer }
learner-claim-study = 申报学时
learner-claim-activity = 申报组织的活动
learner-entries = { $year }的记录
learner-certificates = 学时证明
learner-certificates-text = 证明在学时上链后自动生成；也可以按年度随时生成。收到的人不必联系本网站就能核验。
learner-certify-year = 生成 { $year }学时证明
learner-no-certificates = 还没有学时证明
learner-no-certificates-text = 学完一门课程并上链后，证明会自动出现在这里。
learner-certificate-about = 证明
learner-certificate-issued = 签发日期
learner-certificate-files = 下载
learner-certificate-pending = 正在上链，稍后可下载
learner-certificate-of-course = 课程《{ $course }》
learner-certificate-of-entry = 单条学时记录
learner-certificate-valid = 有效
learner-certificate-corrected = 记录已更正
learner-certificate-corrected-note = 所载记录有更正，请按年度重新生成
learner-certificate-revoked = 已撤销
learner-certificate-made = 已生成学时证明，上链后即可下载。
learner-certificate-nothing = 这一年度还没有已上链的学时，暂时不能生成证明。
learner-file-pdf = PDF 中文
learner-file-pdf-en = PDF 英文
learner-file-json = 数据
learner-file-proof = 证明包
learner-earlier = 往年
learner-earlier-hours = { $counted } / { $required } 学时
learner-no-record = 还没有学时登记
learner-no-record-text = 您的账号还没有关联学员登记。请联系培训机构或认定主体，由其为您登记并关联。
learner-back = 返回我的学时

learner-entry-says = 记录内容

learner-entry-form = 形式
learner-entry-days = 日期
learner-entry-hours = 学时
learner-entry-attendees = 参加人数
learner-entry-recorder = 登记单位
learner-entry-reviewed = 审核
learner-entry-reviewed-clerk = 经认定主体经办人审核
learner-entry-reviewed-supervisor = 经认定主体负责人审核
learner-entry-attested = 存证信息
learner-entry-number = 存证编号
learner-entry-block = 区块高度
learner-entry-time = 上链时间
learner-entry-id = 记录编号
learner-entry-commitment = 存证承诺
learner-entry-pending = 记录已收到，正在等待上链，通常在几分钟内完成。
learner-entry-waiting = 待上链
learner-entry-promise = 上链后未被篡改，可以离线核验。存证不证明记录内容属实。
learner-entry-happened = 经过
learner-entry-happened-sealed = 记录上链，存证编号 { $number }
learner-entry-happened-corrected = 记录被更正：{ $reason }
learner-entry-happened-voided = 记录被作废：{ $reason }
learner-entry-happened-waiting = 更正待上链

learner-correction-hours = 学时有误
learner-correction-dates = 日期有误
learner-correction-course = 课程有误
learner-correction-name = 姓名有误
learner-correction-duplicate = 重复记录
learner-correction-not-attended = 未参加
learner-correction-fraud = 弄虚作假
learner-correction-other = 其他原因

learner-dispute = 对这条记录有异议
learner-dispute-text = 如果记录不属实，请写明情况。认定主体会处理并答复；需要改正的，由登记单位作更正记录，原记录保留。
learner-dispute-field = 情况说明
learner-dispute-hint = 写明哪里不对、应当是什么。不要填写他人的个人信息。
learner-dispute-send = 提交异议
learner-dispute-sent = 已提交异议，认定主体会处理并答复。
learner-dispute-received = 已受理
learner-dispute-in-progress = 处理中
learner-dispute-answered = 已答复
learner-dispute-since = 异议 { $number }，{ $time }

learner-hurry = { $days ->
    [0] 今天是 { $year }的最后一天。
   *[other] 距 { $year }结束还有 { $days } 天。
}
learner-hurry-certificate = { $days ->
    [0] 今天是认定证书有效期的最后一天。
   *[other] 距认定证书有效期届满（{ $day }）还有 { $days } 天。
}
learner-returned = 有 { $count } 条申报被退回，请修改后重新提交。
learner-returned-link = 查看申报
