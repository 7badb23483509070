# 首页。
# 窄屏上只在这里换行。
start-title = 首席质量官{"\u200B"}培训学时存证服务
start-lead = 上链后未被篡改，任何人都可以离线核验。
start-check-text = 收到学时证明？在浏览器里核验 PDF 或数据文件，文件不会上传。
start-check = 去核验
start-save = 保存离线核验页
start-sign-in-text = 首席质量官查看本年度学时、申报培训、下载证明；培训机构、所在组织和认定主体的人员办理业务。
start-join = 我有一次性代码
start-in = 您已登录
start-in-text = 继续办理业务。
start-in-go = 进入
start-about = 本服务做什么
start-about-text = 培训机构签名的学时记录封入批次，批次的根写入只增不改的链。任何人都可以不经本服务、离线核验：记录自上链起未被篡改。
start-about-caveat = 它不证明记录本身属实。
start-checkpoint = 检查点
start-checkpoint-text = 链的长度与根，已签名
start-blocks = 区块
start-blocks-text = 每个区块的全文
start-policy = 建议的信任策略
start-policy-text = 核验时请使用您从别处取得的策略
start-verifier = 核验程序
start-verifier-text = 核验页所用的脚本，也可用 Node 运行
start-api = 接口说明
start-api-text = OpenAPI，供培训机构的系统接入
start-complaints-text = 对学时、证明、审核或本网站有意见，可以在这里提出，不必登录；凭编号和查询码可以查看处理结果。
start-complaints = 提出投诉或建议
